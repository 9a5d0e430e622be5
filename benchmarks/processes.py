"""A module of the suite, run in a process of its own: nothing that was measured before is in it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def in_a_process(module: str, *arguments: Any) -> dict[str, Any]:
    """Run a module with arguments and return what its last line says, as JSON.

    Raises:
        RuntimeError: If it fails, with the end of its errors.
    """
    command = [sys.executable, '-m', module, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])
