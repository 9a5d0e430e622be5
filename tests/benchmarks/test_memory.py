import mmap
import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks.memory import memory, peak_of, sizes

SMAPS = """\
7f00-7f10 r--s 00000000 fe:00 1234                       /data/a b.pkl.store
Size:                100 kB
Rss:                  80 kB
Pss:                  50 kB
Shared_Clean:         60 kB
Private_Clean:        16 kB
Private_Dirty:         4 kB
VmFlags: rd mr mw me ms sd
7f20-7f30 rw-p 00000000 00:00 0
Rss:                  40 kB
Pss:                  30 kB
Private_Clean:         8 kB
Private_Dirty:        12 kB
VmFlags: rd wr mr mw me ac sd
"""


def test_pages_of_the_file_are_counted_apart():
    found = sizes(SMAPS.splitlines(), Path('/data/a b.pkl.store'))
    expected = dict(mapped=80, mapped_share=50, share=30, private=8 + 12)
    assert found == pytest.approx({name: kb * 1024e-6 for name, kb in expected.items()})


def test_a_file_that_is_read_through_a_map_is_no_private_memory(tmp_path):
    path = tmp_path / 'store'
    path.write_bytes(bytes(64 << 20))
    before = memory([os.getpid()], path)
    with path.open('rb') as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert np.frombuffer(mapped, np.uint8)[::4096].sum() == 0
        after = memory([os.getpid()], path)
    assert after['mapped'] == after['mapped_share'] == pytest.approx(64 * 1.048576)
    assert after['private'] - before['private'] < 8


def test_the_peak_is_what_a_call_took_at_most_though_it_gave_it_back():
    def take(mb):
        return np.ones(mb * 125_000).sum()

    take(400)  # an earlier peak
    peak, result = peak_of(lambda: take(100))
    assert result == 100 * 125_000
    assert 95 < peak < 150
