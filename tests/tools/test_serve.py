"""`tools/serve.py` serves the page; each error is one sentence."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

for name in ('fastapi', 'uvicorn', 'multipart'):
    pytest.importorskip(name)


def test_mistakes(run_tool, check_mistake, pretrained, tiny_pickle, tmp_path):
    checkpoint = pretrained / 'epoch_2.pth'

    def outcome(*options, checkpoint=checkpoint, gallery=tiny_pickle):
        options = '--cache', tmp_path / 'cache', '--port', '0', *options
        return run_tool('serve.py', checkpoint, '--gallery', gallery, *options)

    nothing = tmp_path / 'nothing'
    check_mistake(outcome(gallery=nothing), 'serve.py', f'gallery {nothing} does not exist')
    missing = outcome(checkpoint=nothing)
    check_mistake(missing, 'serve.py', f'checkpoint {nothing} does not exist')
    assert 'http://' not in missing[1] + missing[2]
    check_mistake(outcome('--port', '99999'), 'serve.py', '--port must lie between 0 and 65535')
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        port = taken.getsockname()[1]
        check_mistake(outcome('--port', port), 'serve.py', f'port {port} is in use')


def test_the_page_is_served_until_it_is_interrupted(root, pretrained, tiny_pickle, tmp_path):
    command = [sys.executable, root / 'tools/serve.py', pretrained / 'epoch_2.pth']
    command += ['--gallery', tiny_pickle, '--cache', tmp_path, '--port', '0']
    environment = os.environ | {'PYTHONPATH': os.pathsep.join([str(root), *sys.path])}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    try:
        told = next(line for line in process.stdout if 'http://' in line)
        address = re.search(r'http://127\.0\.0\.1:\d+', told).group()
        for _ in range(300):
            with urllib.request.urlopen(f'{address}/api/status') as answer:
                state = json.load(answer)['state']
            if state != 'loading':
                break
            time.sleep(0.2)
        assert state == 'ready'
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=60)[0]
    finally:
        process.kill()
    assert process.returncode in (0, 130), rest
    assert 'Traceback' not in rest
