import os
import subprocess
import sys

import pytest


@pytest.fixture
def hub(tmp_path):
    """Run a hub on this machine; its `run` starts Python with a client that uses only this hub."""
    pytest.importorskip('huggingface_hub')
    from local_hub import TOKEN, serve

    (tmp_path / 'hub').mkdir()
    with serve(tmp_path / 'hub') as server:
        variables = {  # huggingface_hub reads them when it is imported
            'HF_ENDPOINT': server.address,
            'HF_HOME': str(tmp_path / 'home'),
            'HF_HUB_DISABLE_XET': '1',
            'PYTHONPATH': os.pathsep.join(sys.path),
        }

        def run(*command, token=TOKEN):
            return subprocess.run(
                [sys.executable, *map(str, command)],
                env=os.environ | variables | {'HF_TOKEN': token},
                capture_output=True,
                text=True,
                timeout=100,
            )

        server.run = run
        yield server
