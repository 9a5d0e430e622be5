"""Run a module of the benchmarks in a new process, which has no memory of earlier stages."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def in_a_process(module: str, *arguments: Any) -> dict[str, Any]:
    """Run a module with arguments, and return the JSON object in the last line of its output.

    Raises:
        RuntimeError: If the module fails. The message is the end of its error output.
    """
    command = [sys.executable, '-m', module, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])
