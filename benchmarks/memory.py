"""Read the memory of processes from ``/proc`` of Linux."""

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
    """Call a function; return the extra peak of resident memory in MB, and its result."""
    ctypes.CDLL('libc.so.6').malloc_trim(0)  # otherwise freed memory is reused and not counted
    Path('/proc/self/clear_refs').write_text('5')  # resets the peak to the memory in use now
    before = resident('VmHWM')
    result = function()
    return resident('VmHWM') - before, result


def sizes(smaps: Iterable[str], mapped: Path) -> Counter[str]:
    """Add up the lines of ``/proc/PID/smaps``.

    Args:
        smaps (Iterable[str]): For each mapping, a line with its name and then its fields in kB.
        mapped (Path): A read-only file. Its pages are page cache and are counted separately.

    Returns:
        Counter[str]: Memory in MB. ``private`` are the pages of this process only (USS), without
        the file. ``share`` are all pages without the file, each divided by the number of processes
        that map it (PSS). ``mapped`` are the pages of the file, and ``mapped_share`` the same pages
        divided by the number of processes.
    """
    found, of_file = Counter(), False
    for line in smaps:
        name, *rest = line.split()
        if not name.endswith(':'):  # a new mapping: addresses, rights, offset, device, inode, path
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
    """Add up :func:`sizes` of processes. In the sum of the shares, each page counts once."""
    total = Counter()
    for process in processes:
        with open(f'/proc/{process}/smaps') as smaps:
            total += sizes(smaps, mapped)
    return total
