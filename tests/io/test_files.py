import pytest
from mmengine.fileio import get_file_backend

from mmcmd.io.files import replace_file


def test_an_interrupted_write_leaves_what_was_there(tmp_path):
    path = tmp_path / 'file'
    path.write_bytes(b'before')

    def write_half():
        with replace_file(path) as file:
            file.write(b'half')
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_bytes() == b'before'
    assert [x.name for x in tmp_path.iterdir()] == ['file']


def test_two_who_write_the_same_file_at_once_leave_one_that_is_whole(tmp_path):
    path = tmp_path / 'file'
    with replace_file(path) as first, replace_file(path) as second:  # both have the same process id
        first.write(b'first')
        second.write(b'the second')
    assert path.read_bytes() == b'first'
    assert [x.name for x in tmp_path.iterdir()] == ['file']


def test_checkpoints_go_through_the_atomic_backend(tmp_path):
    backend = get_file_backend(str(tmp_path), backend_args={'backend': 'atomic'})
    backend.put(b'whole', str(tmp_path / 'new' / 'epoch_1.pth'))
    assert (tmp_path / 'new' / 'epoch_1.pth').read_bytes() == b'whole'
