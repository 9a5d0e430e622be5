"""Annotation pickles: which ones load, which are refused before code runs, what is written."""

import copyreg
import os
import pickle
import struct

import numpy as np
import pytest

from mmcmd.datasets.annotations import reading as annotations
from mmcmd.datasets.annotations.reading import UNLABELLED, load_annotations, save_annotations
from mmcmd.errors import InputError
from mmcmd.io import safe_pickle


def make_sample(name='a', label=0, frames=4, **changes):
    keypoint = np.random.default_rng(0).normal(size=(1, frames, 25, 3)).astype(np.float32)
    sample = dict(frame_dir=name, label=label, keypoint=keypoint, total_frames=frames)
    return {**sample, **changes}


def make_data(*samples, **extra):
    samples = list(samples or [make_sample()])
    return dict(split={'train': [s['frame_dir'] for s in samples]}, annotations=samples, **extra)


def dump(path, data, protocol=4):
    path.write_bytes(data if isinstance(data, bytes) else pickle.dumps(data, protocol))
    return path


def old_name(text):
    """Rename numpy 2's modules to those of numpy 1, in a protocol without length prefixes."""
    return text.replace(b'numpy._core', b'numpy.core')


@pytest.mark.parametrize('protocol', [2, 3, 4, 5])
def test_every_protocol_loads_arrays_scalars_and_extras(tmp_path, protocol):
    sample = make_sample(
        label=np.int64(3),
        keypoint_score=np.ones((1, 4, 25), np.float16),
        img_shape=(1080, 1920),
        names=np.array(['x', 'yy']),
        big_endian=np.arange(3, dtype='>i4'),
        fortran=np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        tags={'s'},
    )
    path = dump(tmp_path / 'a.pkl', make_data(sample, synthetic=True, layout='ntu'), protocol)
    data = load_annotations(path)
    loaded = data['annotations'][0]
    assert (data['synthetic'], data['layout'], data['split']) == (True, 'ntu', {'train': ['a']})
    assert loaded['label'] == 3
    assert type(loaded['label']) is int
    for key, value in sample.items():
        if isinstance(value, np.ndarray):
            assert type(loaded[key]) is np.ndarray
            assert loaded[key].dtype.newbyteorder('=') == value.dtype.newbyteorder('=')
            np.testing.assert_array_equal(loaded[key], value)
    assert loaded['img_shape'] == (1080, 1920)
    assert loaded['tags'] == {'s'}


def test_pyskl_file_of_the_numpy_1_era_loads(tmp_path):
    sample = make_sample(keypoint=np.ones((2, 4, 25, 3), np.float16), label=np.int64(1))
    path = dump(tmp_path / 'a.pkl', old_name(pickle.dumps(make_data(sample), 2)))
    assert b'numpy.core.multiarray' in path.read_bytes()
    loaded = load_annotations(path)['annotations'][0]
    assert loaded['keypoint'].dtype == np.float16
    assert loaded['keypoint'].shape == (2, 4, 25, 3)


def test_array_pickled_by_python_2_loads(tmp_path):
    # Python 2 wrote raw bytes as `str` (opcode T), text as unicode, and the module names below.
    raw = np.arange(1 * 1 * 2 * 3, dtype='<f4').tobytes()

    def text(value):
        return b'X' + struct.pack('<I', len(value)) + value

    def string(value):
        return b'T' + struct.pack('<I', len(value)) + value

    array = (
        *(b'cnumpy.core.multiarray\n_reconstruct\n', b'cnumpy\nndarray\n'),
        *(b'K\x00\x85', string(b'b'), b'\x87R'),
        *(b'(K\x01(K\x01K\x01K\x02K\x03t', b'cnumpy\ndtype\n', string(b'f4'), b'K\x00K\x01\x87R'),
        *(b'(K\x03', string(b'<'), b'NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb'),
        *(b'\x89', string(raw), b'tb'),
    )
    sample = (
        *(b'}(', text(b'frame_dir'), string(b'old'), text(b'label'), b'K\x05'),
        *(text(b'total_frames'), b'K\x01', text(b'keypoint'), *array, b'u'),
    )
    path = dump(tmp_path / 'a.pkl', b''.join([b'\x80\x02](', *sample, b'e.']))
    (loaded,) = load_annotations(path)['annotations']
    assert (loaded['frame_dir'], loaded['label']) == ('old', 5)
    np.testing.assert_array_equal(loaded['keypoint'].ravel(), np.arange(6))


def test_bare_list_loads_as_all_annotations(tmp_path):
    path = dump(tmp_path / 'a.pkl', [make_sample()])
    data = load_annotations(path)
    assert data['split'] == {}
    assert len(data['annotations']) == 1


class Calls:
    def __init__(self, function, *args):
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


def canaries(mark):
    command = f'touch {mark}'
    yield 'system', pickle.dumps(Calls(os.system, command), 4)
    yield 'exec', pickle.dumps(Calls(exec, f'open({str(mark)!r}, "w")'), 2)
    inner = b"cbuiltins\ngetattr\n(cbuiltins\n__import__\n(S'os'\ntRS'system'\ntR"
    yield 'builtins.getattr', inner + f'(S{command!r}\ntR.'.encode()
    dotted = b'\x80\x04\x8c\x05numpy\x8c\x15ndarray.__class__.mro\x93.'
    yield 'ndarray.__class__.mro', dotted
    through = b'\x80\x04\x8c\x08builtins\x8c\x10set.__init__.x.y\x93.'
    yield 'set.__init__', through
    yield 'numpy.load', b'cnumpy\nload\n(S' + repr(str(mark)).encode() + b'\ntR.'
    yield 'copyreg', b'ccopyreg\n_extension_registry\n.'
    within = pickle.dumps({'split': {}, 'annotations': [Calls(os.system, command)]}, 5)
    yield f'{os.name}.system', within


CANARIES = [name for name, _ in canaries('')]


@pytest.mark.parametrize('name', CANARIES)
def test_pickle_that_would_run_code_is_refused_before_it_does(tmp_path, name):
    mark = tmp_path / 'ran'
    path = dump(tmp_path / 'evil.pkl', dict(canaries(mark))[name])
    with pytest.raises(InputError, match=r'evil\.pkl .*asks for .*' + name):
        load_annotations(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    'content',
    [
        b"(S'touch %s'\nios\nsystem\n.",
        b"(c__builtin__\nset\nS'touch %s'\no.",
        b'\x80\x02\x82\xf0(X\x01\x00\x00\x00%stR.',
        b'Ptouch %s\n.',
        b"S'touch %s'\nQ.",
        b'\x80\x02c__builtin__\nset\n)\x81.',
        b'\x80\x04c__builtin__\nset\n)}\x92.',
    ],
    ids=['INST', 'OBJ', 'EXT1', 'PERSID', 'BINPERSID', 'NEWOBJ', 'NEWOBJ_EX'],
)
def test_opcodes_that_could_call_something_are_not_understood(tmp_path, monkeypatch, content):
    monkeypatch.setattr(copyreg, '_inverted_registry', {240: ('os', 'system')})
    mark = tmp_path / 'ran'
    path = dump(tmp_path / 'a.pkl', content.replace(b'%s', str(mark).encode()))
    with pytest.raises(InputError, match=r'a\.pkl .*(holds the opcode|asks for)'):
        load_annotations(path)
    assert not mark.exists()


@pytest.mark.parametrize('name', ['c_codecs\nencode', 'cnumpy\ndtype', 'c__builtin__\nset'])
@pytest.mark.parametrize('state', ["}S'mark'\nK\x01s", "(N}S'mark'\nK\x01st"])
def test_a_file_cannot_change_what_it_may_call(tmp_path, name, state):
    path = dump(tmp_path / 'a.pkl', f'{name}\n{state}b.'.encode())
    with pytest.raises(InputError, match='sets the state of a'):
        load_annotations(path)
    assert not any(hasattr(made, 'mark') for made in safe_pickle.PLAIN.values())


def test_a_pickle_in_a_pickle_stays_bytes(tmp_path):
    evil = dict(canaries(tmp_path / 'ran'))['system']
    data = load_annotations(dump(tmp_path / 'a.pkl', make_data(make_sample(extra=evil))))
    assert data['annotations'][0]['extra'] == evil
    assert not (tmp_path / 'ran').exists()


def test_the_system_canary_would_run_under_plain_pickle(tmp_path):
    pickle.loads(dict(canaries(tmp_path / 'ran'))['system'])
    assert (tmp_path / 'ran').exists()


def test_object_arrays_are_refused(tmp_path):
    path = dump(tmp_path / 'a.pkl', make_data(make_sample(extra=np.array([{}, []], object))))
    with pytest.raises(InputError, match=r"a\.pkl.*type 'O8'"):
        load_annotations(path)


def test_dtype_state_from_the_file_cannot_turn_bytes_into_pointers(tmp_path):
    # A float64 with flags (63) that mean object references. numpy itself would accept the flags.
    state = pickle.dumps(np.dtype('>f8'), 2)[:-1]
    assert state.endswith(b'K\x00tq\x05b')
    evil = state[: -len(b'K\x00tq\x05b')] + b'K\x3ftb.'
    assert pickle.loads(evil).flags == 63
    path = dump(tmp_path / 'a.pkl', evil)
    with pytest.raises(InputError):
        load_annotations(path)  # a dtype is not an annotation
    sample = pickle.dumps(np.arange(2, dtype='>f8'), 2)
    sample = sample.replace(b'J\xff\xff\xff\xffK\x00t', b'J\xff\xff\xff\xffK\x3ft')
    loaded = annotations.load_plain(dump(path, sample).open('rb'))
    assert (loaded.dtype.flags, loaded.tolist()) == (0, [0.0, 1.0])


@pytest.mark.parametrize('content', [b'', b'hello, not a pickle', b'\x80\x04\x95'])
def test_file_that_is_no_pickle_ends_in_one_sentence(tmp_path, content):
    with pytest.raises(InputError, match=r'a\.pkl is not an annotation pickle') as caught:
        load_annotations(dump(tmp_path / 'a.pkl', content))
    assert '\n' not in str(caught.value)


def test_truncated_pickle_is_told_at_any_length(tmp_path):
    whole = pickle.dumps(make_data(), 4)
    for length in range(0, len(whole), 97):
        with pytest.raises(InputError, match=r'a\.pkl'):
            load_annotations(dump(tmp_path / 'a.pkl', whole[:length]))


def test_pickle_that_contains_itself_ends_in_one_sentence(tmp_path):
    loop = []
    loop.append(loop)
    with pytest.raises(InputError, match=r'a\.pkl is not'):
        load_annotations(dump(tmp_path / 'a.pkl', loop))


def test_missing_file_says_which_command_makes_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'mmcmd convert FORMAT SOURCE --out .*no\.pkl'):
        load_annotations(tmp_path / 'no.pkl')
    with pytest.raises(InputError, match=r'is a folder, expected the \.pkl file'):
        load_annotations(tmp_path)


BROKEN_KEYPOINT = np.full((1, 4, 25, 3), np.nan, np.float32)


def test_sample_may_have_no_label(tmp_path):
    samples = [make_sample('a'), make_sample('b', label=None), make_sample('c', label=-1)]
    del samples[0]['label']
    (tmp_path / 'a.pkl').write_bytes(pickle.dumps({'annotations': samples}))
    loaded = load_annotations(tmp_path / 'a.pkl')['annotations']
    assert [sample['label'] for sample in loaded] == [UNLABELLED] * 3


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'label': -2}, '`label`'),
        ({'label': 1.0}, '`label`'),
        ({'label': True}, '`label`'),
        ({'label': 2**31}, '`label`'),
        ({'label': -(10**600)}, '`label`'),
        ({'frame_dir': 7}, '`frame_dir`'),
        ({'frame_dir': 'bad\n'}, '`frame_dir` must be printable'),
        ({'frame_dir': 'bad\0'}, '`frame_dir` must be printable'),
        ({'frame_dir': 'bad\x1b[2J'}, '`frame_dir` must be printable'),
        ({'frame_dir': 'bad\ud800'}, '`frame_dir` must be printable'),
        ({'frame_dir': 'bad' + '\xe9' * 99}, '`frame_dir` must be .* at most 200 bytes'),
        ({'total_frames': 5}, '`total_frames` is 5 but `keypoint` has 4'),
        ({'keypoint': np.zeros((4, 25, 3))}, 'shape'),
        ({'keypoint': np.zeros((0, 4, 25, 3))}, 'shape'),
        ({'keypoint': np.full((1, 4, 25, 3), 'x')}, 'numbers'),
        ({'keypoint': [[0]]}, 'numbers'),
        ({'keypoint': BROKEN_KEYPOINT}, 'NaN'),
        ({'keypoint': np.zeros((1, 4, 17, 3))}, '17 joints'),
    ],
)
def test_malformed_sample_is_named(tmp_path, changes, message):
    bad = make_sample('bad', **changes)
    path = dump(tmp_path / 'a.pkl', dict(split={}, annotations=[make_sample(), bad], layout='ntu'))
    with pytest.raises(InputError, match=rf"a\.pkl: sample '?(bad.*|7): .*{message}"):
        load_annotations(path)


def test_missing_keys_are_named(tmp_path):
    path = dump(tmp_path / 'a.pkl', [{'frame_dir': 'bad', 'label': 0}])
    with pytest.raises(InputError, match='sample bad: lacks keypoint, total_frames'):
        load_annotations(path)


@pytest.mark.parametrize(
    'data',
    [
        3,
        {'split': {}},
        {'annotations': [], 'split': ['train']},
        {'annotations': [], 'split': {'train': [[]]}},
        {'annotations': [], 1: []},
        {'annotations': [], 'split': {1: []}},
        {'annotations': [], 'synthetic': np.zeros(2)},
        {'annotations': [], 'layout': 'martian'},
        {'annotations': [], 'layout': []},
        {'annotations': [3]},
    ],
)
def test_malformed_structure_is_told(tmp_path, data):
    with pytest.raises(InputError, match=r'a\.pkl: '):
        load_annotations(dump(tmp_path / 'a.pkl', data))


def test_what_is_saved_loads_and_nothing_else_is_left(tmp_path):
    path = tmp_path / 'a.pkl'
    save_annotations(make_data(layout='ntu'), path)
    loaded = load_annotations(path)
    np.testing.assert_array_equal(loaded['annotations'][0]['keypoint'], make_sample()['keypoint'])
    assert os.listdir(tmp_path) == ['a.pkl']


@pytest.mark.parametrize('stop', [KeyboardInterrupt, OSError])
def test_interrupted_writing_leaves_the_old_file_whole(tmp_path, monkeypatch, stop):
    path = tmp_path / 'a.pkl'
    save_annotations(make_data(), path)
    before = path.read_bytes()

    def half(data, file, protocol):
        file.write(b'half')
        raise stop

    monkeypatch.setattr(annotations.pickle, 'dump', half)
    with pytest.raises(stop):
        save_annotations(make_data(make_sample('other')), path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ['a.pkl']


def test_malformed_annotations_are_not_written(tmp_path):
    with pytest.raises(InputError, match='NaN'):
        save_annotations(make_data(make_sample(keypoint=BROKEN_KEYPOINT)), tmp_path / 'a.pkl')
    assert not os.listdir(tmp_path)
