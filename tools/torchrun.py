"""torchrun for trainings that are asked to stop: it passes the signals on and leaves with 85.

    python tools/torchrun.py [options of torchrun] SCRIPT [options of the script]

torchrun itself dies of SIGUSR1, and its ranks go on without it. On SIGTERM it kills the ranks after
30 s. It ends with status 1 if a rank ends with any status other than 0.
"""

import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

from mmcmd.signals import EXIT_STATUS, STOP

# The ranks are started by the main thread. Each is in a session of its own, which the signals to
# the group of this process do not reach.
CHILDREN = Path(f'/proc/{os.getpid()}/task/{os.getpid()}/children')


def pass_on() -> None:
    """Pass the signals on to the ranks. Leave at once if there are none yet."""
    while number := signal.sigwait(STOP):
        ranks = CHILDREN.read_text().split()
        if not ranks:
            os._exit(EXIT_STATUS)
        for rank in ranks:
            with suppress(ProcessLookupError):
                os.kill(int(rank), number)


def main() -> None:
    if CHILDREN.exists():
        # The ranks inherit the blocked signals, and receive them when they are ready to.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP)
        threading.Thread(target=pass_on, daemon=True).start()
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import main as run_ranks

    try:
        run_ranks()
    except ChildFailedError as error:
        # All ranks have saved before the first one leaves.
        if any(failure.exitcode == EXIT_STATUS for failure in error.failures.values()):
            sys.exit(EXIT_STATUS)
        raise


if __name__ == '__main__':
    main()
