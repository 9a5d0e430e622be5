"""What memory processes take, as Linux tells it in ``/proc``."""

import ctypes
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

MB = 1e6


def resident(key: str) -> float:
    """Return an entry of ``/proc/self/status``, such as ``VmRSS``, in MB."""
    status = Path('/proc/self/status').read_text()
    return int(status.split(f'{key}:')[1].split()[0]) * 1024 / MB


def peak_of(function: Callable[[], Any]) -> tuple[float, Any]:
    """Call a function; return the MB by which it raised resident memory at most, and its result."""
    ctypes.CDLL('libc.so.6').malloc_trim(0)  # or what was freed before would be taken again unseen
    Path('/proc/self/clear_refs').write_text('5')  # the peak is what is held now
    before = resident('VmHWM')
    result = function()
    return resident('VmHWM') - before, result


def sizes(smaps: Iterable[str], mapped: Path) -> Counter[str]:
    """Add up the lines of ``/proc/PID/smaps``.

    Args:
        smaps (Iterable[str]): A line that names each mapping, then its fields in kB.
        mapped (Path): A file whose pages are counted apart, as page cache; it is only read.

    Returns:
        Counter[str]: MB: ``private``, pages of no other process (USS) but the file's; ``share``,
        all pages but the file's, each divided by the number of processes that map it (PSS);
        ``mapped``, the file's pages; ``mapped_share``, those divided likewise.
    """
    found, of_file = Counter(), False
    for line in smaps:
        name, *rest = line.split()
        if not name.endswith(':'):  # a mapping: addresses, rights, offset, device, inode, path
            of_file = line.rstrip().endswith(f' {mapped}')
            continue
        if name == 'VmFlags:':
            continue
        size = int(rest[0]) * 1024 / MB
        if name in ('Private_Clean:', 'Private_Dirty:') and not of_file:
            found['private'] += size
        elif name == 'Pss:':
            found['mapped_share' if of_file else 'share'] += size
        elif name == 'Rss:' and of_file:
            found['mapped'] += size
    return found


def memory(processes: Iterable[int], mapped: Path) -> Counter[str]:
    """Add up :func:`sizes` of processes, whose shares are pages that are counted once."""
    total = Counter()
    for process in processes:
        with open(f'/proc/{process}/smaps') as smaps:
            total += sizes(smaps, mapped)
    return total
