"""Uploaded files are read in a separate process. If it crashes, the server continues."""

import os
import pickle
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest

from mmcmd.errors import InputError
from mmcmd.serving import uploads
from mmcmd.serving.uploads import UploadReader, safe_name
from mmcmd.skeletons import LAYOUTS


@pytest.fixture(scope='module')
def reader():
    return UploadReader(LAYOUTS['ntu'])


@pytest.fixture
def motion():
    return np.random.default_rng(0).normal(size=(1, 12, 25, 3)).astype(np.float32)


def test_an_array_arrives_as_it_was_sent(reader, motion, npy):
    (told,), _ = reader.read(npy(motion[0]), 'wave.npy')
    np.testing.assert_array_equal(told['keypoint'], motion)
    assert (told['name'], told['layout']) == ('wave', None)


def test_a_pickle_tells_names_and_classes(reader, motion):
    sample = {'frame_dir': 'a', 'label': 1, 'keypoint': motion, 'total_frames': 12}
    data = {'split': {}, 'annotations': [sample], 'layout': 'ntu', 'classes': ['sit', 'wave']}
    (told,), _ = reader.read(pickle.dumps(data, protocol=4), 'mine.pkl')
    assert (told['name'], told['class_name']) == ('a', 'wave')


def test_a_file_of_many_motions_tells_how_many_it_holds(reader, npy):
    most = uploads.MOST_MOTIONS
    sample = {'label': 0, 'keypoint': np.ones((1, 2, 25, 3), np.float32), 'total_frames': 2}
    samples = [{**sample, 'frame_dir': str(row)} for row in range(most + 3)]
    content = pickle.dumps({'split': {}, 'annotations': samples, 'layout': 'ntu'}, protocol=4)
    told, total = reader.read(content, 'many.pkl')
    assert [x['name'] for x in told] == [str(row) for row in range(most)]
    assert total == most + 3


@pytest.mark.parametrize(
    ('content', 'name', 'parts'),
    [
        (b'', 'x.npy', ['x.npy is empty']),
        (b'nothing', 'x.npy', ['x.npy']),
        (b'nothing', 'x.docx', ['x.docx has no known format', '.npz']),
        (b'nothing', '../../etc/passwd', ['passwd has no known format']),
        (pickle.dumps(print), 'x.pkl', ['x.pkl']),
    ],
)
def test_a_broken_file_is_one_sentence_without_a_folder(reader, content, name, parts):
    with pytest.raises(InputError) as error:
        reader.read(content, name)
    text = str(error.value)
    assert '\n' not in text
    assert 'mmcmd.upload' not in text
    for part in parts:
        assert part in text


def test_a_layout_is_a_name_and_no_path(reader, motion, npy, tmp_path):
    content = npy(motion[:, :, :20])
    (told,), _ = reader.read(content, 'x.npy', 'kinect_v1')
    assert told['layout'] == LAYOUTS['kinect_v1']
    for path in (tmp_path / 'x.json', '/etc/passwd', 'smell'):
        with pytest.raises(InputError, match='there is no skeleton layout'):
            reader.read(content, 'x.npy', str(path))


def test_nan_is_told(reader, motion, npy):
    motion[0, 3, 4, 0] = np.nan
    with pytest.raises(InputError, match='NaN'):
        reader.read(npy(motion), 'x.npy')


def _die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)


def _sleep(*arguments):
    time.sleep(60)


def _fill(end, *arguments):
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (1 << 28, 1 << 28))
    bytearray(1 << 30)


@pytest.mark.parametrize(
    ('work', 'part'),
    [(_die, 'crashed'), (_sleep, 'was not read within 1 s'), (_fill, 'out of memory')],
)
def test_a_process_that_dies_or_hangs_is_one_sentence(monkeypatch, work, part):
    monkeypatch.setattr(uploads, '_work', work)
    with pytest.raises(InputError, match=part):
        UploadReader(LAYOUTS['ntu'], seconds=1 if work is _sleep else 60).read(b'0', 'x.npy')


def test_an_array_beyond_the_limit_of_memory_is_refused(npy):
    array = np.ones((200_000, 25, 3), np.float64)
    with pytest.raises(InputError, match=r'x\.npy'):
        UploadReader(LAYOUTS['ntu'], memory=1 << 20).read(npy(array), 'x.npy')


@pytest.mark.parametrize(
    ('sent', 'kept'),
    [
        ('a b.npy', 'a_b.npy'),
        ('..\\..\\x.pkl', 'x.pkl'),
        ('/etc/passwd', 'passwd'),
        ('.hidden', 'hidden'),
        ('..', 'file'),
        ('a\0\n.csv', 'a__.csv'),
    ],
)
def test_names_lose_what_could_be_a_path(sent, kept):
    assert safe_name(sent) == kept


def test_only_some_files_are_read_at_a_time(motion, npy):
    reader, running, most = UploadReader(LAYOUTS['ntu']), [], []
    work = reader._worker

    @contextmanager
    def counted(*arguments):
        running.append(arguments)
        most.append(len(running))
        with work(*arguments) as found:
            time.sleep(0.1)
            yield found
        running.pop()

    reader._worker = counted
    with ThreadPoolExecutor(6) as pool:
        told = list(pool.map(lambda _: reader.read(npy(motion[0]), 'x.npy'), range(6)))
    assert len(told) == 6
    assert max(most) == uploads.AT_ONCE
