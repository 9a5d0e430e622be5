"""Mutated files and bombs: parsers raise only documented errors, and memory does not grow.

``make fuzz`` runs the same with many more inputs; docs/security.md has its results.
"""

import io
import multiprocessing
import pickle
import struct
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import fuzz_parsers
from fuzz_seeds import TARGETS, npy, torch_parts

from mmcmd.skeletons import BANDAI2

INPUTS = 300
MOST = 200 << 20  # most resident bytes of a bomb; MATLAB files may unpack to 64 MiB
BILLION = 10**9


def in_process(pipe, function, args):
    fuzz_parsers.quiet()
    pipe.send(function(*args))


def apart(function, *args):
    """Call a function in a new process, so that its memory can be measured."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    context = multiprocessing.get_context('fork')
    process = context.Process(target=in_process, args=(sender, function, args))
    process.start()
    sender.close()
    try:
        return receiver.recv()
    except EOFError:
        process.join()
        pytest.fail(f'the process died: exit status {process.exitcode}')
    finally:
        process.join()


@pytest.mark.parametrize('name', TARGETS)
def test_mutants_end_as_documented(name, tmp_path):
    args = TARGETS[name], tmp_path, INPUTS, 7, False, id
    outcome = apart(fuzz_parsers.fuzz, *args)
    assert outcome.inputs == INPUTS
    assert not outcome.faults
    assert outcome.parsed, 'some mutants are as good as their seeds'
    assert outcome.refused


def test_faults_are_noticed(tmp_path):
    def fail(path):
        if path.read_bytes()[:1] == b'#':
            return True
        raise KeyError('x') if path.stat().st_size % 2 else MemoryError

    target = fuzz_parsers.Target(
        'x', 'x', TARGETS['subset-file'].seeds, fail, tokens=(b'#',), valid=False
    )
    outcome = apart(fuzz_parsers.fuzz, target, tmp_path, INPUTS, 0, False, id)
    assert outcome.unexpected == INPUTS - outcome.parsed
    assert {fault.split(':')[0] for fault in outcome.faults} == {'KeyError', 'MemoryError'}
    assert all(path.is_file() for path in outcome.kept)


# --- bombs --------------------------------------------------------------------------------------


def header(shape, descr='<f4'):
    file = io.BytesIO()
    claim = {'descr': descr, 'fortran_order': False, 'shape': shape}
    np.lib.format.write_array_header_1_0(file, claim)
    return file.getvalue()


def archive(zeros=0, **members):
    """Return an archive of the members, with `zeros` zeros after the last member."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', zipfile.ZIP_DEFLATED, compresslevel=1) as out:
        for name, content in members.items():
            with out.open(f'{name}.npy', 'w') as member:
                member.write(content)
                if name == list(members)[-1]:
                    for _ in range(zeros >> 20):
                        member.write(bytes(1 << 20))
    return file.getvalue()


def claim(content, packed=(1 << 31) - 1, unpacked=None):
    """Change the sizes of the first member in the directory of an archive."""
    place = content.index(b'PK\x01\x02') + 20
    sizes = struct.unpack_from('<II', content, place)
    sizes = struct.pack('<II', packed, sizes[1] if unpacked is None else unpacked)
    return content[:place] + sizes + content[place + 8 :]


def own(**changes):
    arrays = dict(
        keypoint=npy(np.ones((1, 4, 3))), total_frames=npy(np.array([1])), label=npy(np.array([1]))
    )
    return arrays | changes


def bandai2(**changes):
    each = dict.fromkeys(('total_frames', 'label', 'style'), npy(np.array([1])))
    names = dict(frame_dir=npy(np.array(['a'])), style_names=npy(np.array(['x', 'y'])))
    return dict(each, **names, parents=npy(np.array(BANDAI2.parents))) | changes


def mat(*elements):
    head = b'MATLAB 5.0'.ljust(124) + b'\x00\x01IM'
    return head + b''.join(struct.pack('<II', 15, len(x)) + x for x in map(zlib.compress, elements))


def laugh(depth):
    """Return a pickle of nested lists. Each list holds the next list twice."""
    value = ['ha']
    for _ in range(depth):
        value = [value, value]
    return pickle.dumps([{'frame_dir': value}], 4)


def array_of(descr, shape):
    """Return a pickle of an array with a given type and shape, but without content."""
    rebuild = b'cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tC\x01btR'
    dtype = b'cnumpy\ndtype\n(X' + struct.pack('<I', len(descr)) + descr + b'K\x00K\x01tR'
    axes = b''.join(b'L%dL\n' % axis for axis in shape)
    return b'\x80\x03' + rebuild + b'(K\x01(' + axes + b't' + dtype + b'\x89C\x00tb.'


DEEP = b'\x80\x02})' + b'\x85' * 200_000 + b'K\x01s.'  # a dict key with an endless hash
PICKLES = {
    'index of the memo': b'\x80\x02Nr\xff\xff\xff\x7f.',
    'index of the memo in text': b'Np99999999999\n.',
    'long bytes': b'\x80\x04\x8e' + struct.pack('<Q', 1 << 40) + b'.',
    'long bytearray': b'\x80\x05\x96' + struct.pack('<Q', 1 << 31) + b'.',
    'long text': b'\x80\x02X\xff\xff\xff\x7f.',
    'long integer': b'\x80\x02\x8b\xff\xff\xff\x7f.',
    'long frame': b'\x80\x04\x95' + struct.pack('<Q', 1 << 60) + b'.',
    'the same over and over': laugh(40),
    'deep lists': b'\x80\x02' + b']' * 200_000 + b'a' * 199_999 + b'.',
    'deep key': DEEP,
    'deep member': b'\x80\x04\x8f(' + b')' + b'\x85' * 200_000 + b'\x90.',
    'array of a billion': array_of(b'f4', (BILLION,)),
    'array of a trillion nothings': array_of(b'U0', (10**12,)),
    'array beyond 64 bits': array_of(b'f4', (2,) * 99),
    'wide text': array_of(b'U999999999', (1,)),
    'no wide text': array_of(b'U999999999', (0,)),  # numpy allocates memory for one item
    'type without end': b'\x80\x02cnumpy\ndtype\nN' + b'2\x862\x86' * 30 + b'\x85R.',
}


def checkpoint(pickled, **members):
    """Return a torch file with another pickle in it."""
    file = io.BytesIO()
    parts = torch_parts({'a': 1})
    with zipfile.ZipFile(file, 'w') as out:
        for name, content in (parts | members).items():
            out.writestr(name, pickled if name.endswith('data.pkl') else content)
    return file.getvalue()


def deflated_checkpoint():
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', zipfile.ZIP_DEFLATED) as out:
        for name, content in torch_parts({'a': 1}).items():
            out.writestr(name, content)
        out.writestr('archive/data/0', bytes(300 << 20))
    return file.getvalue()


STORAGE = (
    b'(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu%stQ'
)
BOMBS = {
    'frames': ('skeleton', lambda: b'999999999\n1\n'),
    'bodies': ('skeleton', lambda: b'1\n999999999\n'),
    'text beside long text': (
        'nwucla-json',
        lambda: b'{"label":1,"skeletons":["%s"%s]}' % (b'x' * 1_000_000, b',""' * 20_000),
    ),
    'deep JSON': ('nwucla-json', lambda: b'{"label":1,"skeletons":' + b'[' * 1_000_000),
    'deep layout': ('own-layout', lambda: b'[' * 1_000_000),
    'MAT that unfolds': ('utdmhad-mat', lambda: mat(bytes(1 << 27))),
    'MAT of empty parts': (
        'utdmhad-mat',
        lambda: mat(struct.pack('<II', 14, 60 << 20) + bytes(60 << 20)),
    ),
    'header of npz': ('own-npz', lambda: archive(**own(keypoint=header((BILLION, 4, 3))))),
    'persons in no frames': (
        'own-npz',
        lambda: archive(**own(keypoint=header((0, 10**12, 4, 3)), total_frames=npy(np.array([0])))),
    ),
    'zeros': ('own-npz', lambda: archive(257 << 20, **own(keypoint=header((BILLION, 4, 3))))),
    'header of bandai2': (
        'bandai2-npz',
        lambda: archive(**bandai2(keypoint=header((BILLION, 21, 3)))),
    ),
    'directory of bandai2': (
        'bandai2-npz',
        lambda: claim(
            archive(keypoint=header((BILLION, 21, 3)), **bandai2()), unpacked=(1 << 31) - 1
        ),
    ),
    'directory of npz': ('own-npz', lambda: claim(archive(**own()))),
    'directory of a checkpoint': ('checkpoint', lambda: claim(checkpoint(b'\x80\x02}.'))),
    'rows of zeros': (
        'ctrgcn-npz',
        lambda: archive(300 << 20, x_train=header(((300 << 20) // 600, 1, 150))),
    ),
    'header of npy': ('agcn-npy', lambda: header((BILLION, 3, 300, 25, 2))),
    'header beyond 64 bits': ('agcn-npy', lambda: header((2**62, 3, 2**62, 25, 2))),
    'header that is deep': (
        'agcn-npy',
        lambda: b'\x93NUMPY\x01\x00\x40\x1f' + b'{' + b'(' * 7998 + b'\n',
    ),
    **{f'pickle, {key}': ('annotations', lambda x=x: x) for key, x in PICKLES.items()},
    **{
        f'checkpoint, {key}': ('checkpoint', lambda x=x: checkpoint(x))
        for key, x in PICKLES.items()
    },
    'old checkpoint, deep key': ('checkpoint', lambda: DEEP),
    'deflated checkpoint': ('checkpoint', deflated_checkpoint),
    'storage of a billion': (
        'checkpoint',
        lambda: checkpoint(
            b'\x80\x02' + STORAGE % b'J\x00\xca\x9a;' + b'.', **{'archive/data/0': b''}
        ),
    ),
    'bytearray of a billion': (
        'checkpoint',
        lambda: checkpoint(b'\x80\x02cbuiltins\nbytearray\nJ\x00\xca\x9a;\x85R.'),
    ),
    'tensor of a billion': (
        'checkpoint',
        lambda: checkpoint(b'\x80\x02ctorch\nFloatTensor\nJ\x00\xca\x9a;\x85R.'),
    ),
}


def drop(target, content, folder):
    path = target.prepare(folder)
    path.write_bytes(content)
    before = fuzz_parsers.resident()
    with fuzz_parsers.limits():
        verdict, fault = fuzz_parsers.judge(target, path)
    return verdict, fault, fuzz_parsers.resident() - before


@pytest.mark.parametrize('name', BOMBS)
def test_bomb_is_refused_without_the_memory_it_claims(name, tmp_path):
    target, make = BOMBS[name]
    content = make()
    assert len(content) < 4 << 20
    verdict, fault, grown = apart(drop, TARGETS[target], content, tmp_path)
    assert (verdict, fault) == ('refused', '')
    assert grown < MOST


# --- names --------------------------------------------------------------------------------------


def test_pictures_of_samples_of_any_name_stay_in_their_folder(
    tmp_path, root, run_tool, tiny_options, tiny_pickle
):
    data = pickle.loads(tiny_pickle.read_bytes())
    names = ['../../evil', '/evil', '..', '~/evil', 'a/b\\c', '*?"<>|:', '\u00e9' * 100]
    for sample, name in zip(data['annotations'], names, strict=False):
        sample['frame_dir'] = name
    data['split'] = {'xsub_train': names, 'xsub_val': names}
    (tmp_path / 'in').mkdir()
    (tmp_path / 'in/a.pkl').write_bytes(pickle.dumps(data, 4))
    options = {key: x for key, x in tiny_options.items() if 'vis_backends' not in key}
    options |= {key: tmp_path / 'in/a.pkl' for key in options if key.endswith('ann_file')}
    options['model.modalities'] = '[joint]'
    before = {*tmp_path.rglob('*'), *tmp_path.parent.iterdir(), tmp_path / 'in/a.pkl.store'}
    status, _, stderr = run_tool(
        'misc/browse_dataset.py',
        root / 'configs/cmd/cmd_bigru_ntu60_xsub.py',
        *('--out', tmp_path / 'out', '--number', len(names), '--format', 'png'),
        '--cfg-options',
        *(f'{key}={value}' for key, value in options.items()),
    )
    assert status == 0, stderr
    written = {*tmp_path.rglob('*'), *tmp_path.parent.iterdir()} - before
    pictures = {path for path in written if path.suffix == '.png'}
    assert len(pictures) == len(names)
    assert {path.parent for path in pictures} == {tmp_path / 'out'}
    assert {path.relative_to(tmp_path).parts[0] for path in written} == {'out'}
