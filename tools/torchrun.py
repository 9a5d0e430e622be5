"""Start torchrun, and pass on the signals that ask a training to stop.

    python tools/torchrun.py [OPTIONS OF TORCHRUN] SCRIPT [OPTIONS OF SCRIPT]

This script passes SIGTERM and SIGUSR1 on to the ranks, and exits with
status 85 after a stop, or 1 if a rank fails. torchrun alone would end at
SIGUSR1 without its ranks, would kill the ranks 30 s after SIGTERM, and would
exit with status 1.
"""

import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

from mmcmd.signals import EXIT_STATUS, STOP

# The main thread starts the ranks. Each rank has its own session, so a signal to the process group
# of this process does not reach it.
CHILDREN = Path(f'/proc/{os.getpid()}/task/{os.getpid()}/children')


def pass_on() -> None:
    """Pass the signals on to the ranks. If there are no ranks yet, exit at once."""
    while number := signal.sigwait(STOP):
        ranks = CHILDREN.read_text().split()
        if not ranks:
            os._exit(EXIT_STATUS)
        for rank in ranks:
            with suppress(ProcessLookupError):
                os.kill(int(rank), number)


def main() -> None:
    if sys.argv[1:2] in (['-h'], ['--help']):  # torch takes seconds
        print(f'{__doc__}\nThe options are those of torchrun: see torchrun --help.')
        return
    if CHILDREN.exists():
        # The ranks inherit the blocked signals, and unblock them when they are ready.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP)
        threading.Thread(target=pass_on, daemon=True).start()
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import main as run_ranks

    try:
        run_ranks()
    except ChildFailedError as error:
        # All ranks have saved their state before the first one exits.
        if any(failure.exitcode == EXIT_STATUS for failure in error.failures.values()):
            sys.exit(EXIT_STATUS)
        sys.exit(f'{error}')  # which rank failed, and why, without a traceback of torchrun itself


if __name__ == '__main__':
    main()
