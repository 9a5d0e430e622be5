"""Inputs of `fuzz_parsers.py`: for each parser valid files, words of the format, and the call."""

from __future__ import annotations

import json
import pickle
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch

from mmcmd.datasets.annotations import packing
from mmcmd.datasets.annotations.inspection import inspect_annotations
from mmcmd.datasets.annotations.reading import check_annotations, load_annotations
from mmcmd.datasets.annotations.subsets import read_subset
from mmcmd.datasets.converters import (
    AGCNConverter,
    Bandai2Converter,
    BVHConverter,
    Converter,
    CsvConverter,
    CTRGCNConverter,
    Item,
    MSRAction3DConverter,
    NpzConverter,
    NTUConverter,
    NWUCLAConverter,
    PKUMMDConverter,
    PysklConverter,
    UTDMHADConverter,
    UTKinectConverter,
    conversion,
    reading,
)
from mmcmd.datasets.converters.options import read_layout
from mmcmd.errors import InputError
from mmcmd.io.checkpoint import load_plain
from mmcmd.skeletons import BANDAI2

Parts = dict[str, bytes]
STICK = dict(
    name='stick',
    joints=['hip', 'neck', 'left', 'right'],
    parents=[0, 0, 1, 1],
    centre=0,
    spine=[0, 1],
    shoulders=[2, 3],
)
RNG = np.random.default_rng(0)


def one_file(parts: Parts, rng: random.Random) -> bytes:
    return b''.join(parts.values())


@dataclass(frozen=True)
class Target:
    """A parser.

    Attributes:
        name (str): Name of the parser.
        file (str): Path of the mutated file, relative to its folder.
        seeds (Callable): Returns valid files, each as a list of parts.
        parse (Callable): Takes the path of the file, and returns whether it had any content.
        refusals (tuple): Exceptions that the parser documents.
        tokens (tuple): Words of the format.
        kind (str): 'text' or 'binary'.
        pack (Callable): Makes a file of its parts.
        packed (bool): Whether ``pack`` does more than join the parts.
        companions (Callable): Returns the other files of the folder.
        valid (bool): Whether the seeds must parse.
    """

    name: str
    file: str
    seeds: Callable[[], list[Parts]]
    parse: Callable[[Path], Any]
    refusals: tuple[type[Exception], ...] = (InputError,)
    tokens: tuple[bytes, ...] = ()
    kind: str = 'text'
    pack: Callable[[Parts, random.Random], bytes] = one_file
    companions: Callable[[], dict[str, bytes]] = dict
    valid: bool = True

    @property
    def packed(self) -> bool:
        return self.pack is not one_file

    def path(self, folder: Path) -> Path:
        return folder / 'in' / self.file

    def prepare(self, folder: Path) -> Path:
        """Write the other files, and return the path of the file that is mutated."""
        for name, content in {self.file: b'', **self.companions()}.items():
            path = folder / 'in' / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return self.path(folder)


def converted(converter: Converter, source: Path) -> bool:
    """Do the same as :func:`convert`, without writing, and check that the result can be saved."""
    outcomes = [reading.attempt(converter, False, item)[1] for item in converter.scan(source)]
    samples = [conversion._share(x) for x in outcomes if not isinstance(x, Exception)]
    splits = converter.splits(samples)
    leaks = conversion.find_leaks(splits, conversion.digests_of(samples))
    conversion._report(conversion.Summary(samples), splits, leaks, converter.counted)
    data = dict(split=splits, annotations=samples, **converter.facts())
    try:
        check_annotations(data, source)
    except InputError as error:
        raise AssertionError(f'what was read cannot be saved: {error}') from None
    return bool(samples)


def read(converter: Converter, path: Path) -> bool:
    """Read one file, and check that the result can be saved."""
    sample = converter.read(Item(str(path), path))
    try:
        check_annotations(dict(split={}, annotations=[sample], layout=converter.layout), path)
    except InputError as error:
        raise AssertionError(f'what was read cannot be saved: {error}') from None
    return True


def npy(array: np.ndarray, version: tuple[int, int] | None = None) -> bytes:
    file = BytesIO()
    np.lib.format.write_array(file, np.asarray(array), version)
    return file.getvalue()


def zipped(parts: Parts, rng: random.Random) -> bytes:
    file = BytesIO()
    method = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(file, 'w', method) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=method)
    return file.getvalue()


def archive_parts(**arrays: np.ndarray) -> Parts:
    return {f'{name}.npy': npy(array) for name, array in arrays.items()}


# --- text ---------------------------------------------------------------------------------------


def body_lines() -> str:
    joint = ' '.join(f'{x:.6g}' for x in RNG.normal(size=11)) + ' 2\n'
    return '72057594037931101 0 1 1 0 0 0 0.02 -0.05 2\n25\n' + joint * 25


def skeletons() -> list[Parts]:
    texts = (
        '2\n1\n' + body_lines() + '1\n' + body_lines(),
        '3\n0\n2\n' + body_lines() + body_lines() + '0\n',
        ('1\n1\n' + body_lines()).replace('\n', '\r\n'),
    )
    return [{'': text.encode()} for text in texts]


def recordings() -> list[Parts]:
    line = ' '.join(f'{x:.5g}' for x in RNG.normal(size=150)) + '\n'
    alone = ' '.join(f'{x:.5g}' for x in RNG.normal(size=75)) + ' 0.0' * 75 + '\r\n'
    return [{'': line.encode() * 3}, {'': alone.encode() * 2}]


RECORDING, LABELS, LIST = 'skeleton/0002-L.txt', 'label/0002-L.txt', 'cross-subject.txt'


def pku_rest() -> dict[str, bytes]:
    return {
        RECORDING: recordings()[0][''],
        LABELS: b'3,0,2,1\n51,1,3,2\n',
        LIST: b'Training videos:\n0002-L, \nValidataion videos:\n0003-L, 0004-R, ',
    }


def without(files: dict[str, bytes], name: str) -> dict[str, bytes]:
    return {key: value for key, value in files.items() if key != name}


def pku(name: str, seeds: Callable[[], list[Parts]], file: str, tokens: tuple) -> Target:
    return Target(
        name,
        file,
        seeds,
        lambda path: converted(PKUMMDConverter(), path.parents[len(Path(file).parts) - 1]),
        tokens=tokens,
        companions=lambda: without(pku_rest(), file),
    )


def msr_text() -> list[Parts]:
    lines = [' '.join(f'{x:.5g}' for x in RNG.normal(size=4)) for _ in range(40)]
    return [{'': '\n'.join(lines).encode()}, {'': '\r\n'.join(lines[:20]).encode() + b'\r\n'}]


JOINTS, ACTIONS = 'joints/joints_s01_e01.txt', 'actionLabel.txt'


def utkinect_joints() -> list[Parts]:
    rows = [f'{n}   ' + '  '.join(f'{x:.5g}' for x in RNG.normal(size=60)) for n in (2, 4, 4, 9)]
    return [{'': '\n'.join(rows).encode()}]


def utkinect_rest() -> dict[str, bytes]:
    return {
        JOINTS: utkinect_joints()[0][''],
        ACTIONS: b's01_e01\nwalk: 2 4\ncarry: NaN NaN\npull: 5 9 \n',
    }


def utkinect(name: str, seeds: Callable[[], list[Parts]], file: str, *tokens: bytes) -> Target:
    return Target(
        name,
        file,
        seeds,
        lambda path: converted(UTKinectConverter(), path.parents[len(Path(file).parts) - 1]),
        tokens=tokens,
        companions=lambda: without(utkinect_rest(), file),
    )


def bvh_joint(name: str, offset: str, children: str = 'End Site { OFFSET 0 1 0 }') -> str:
    channels = 'CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation'
    return f'{name}\n{{\nOFFSET {offset}\n{channels}\n{children}\n}}\n'


def bvhs() -> list[Parts]:
    limbs = [
        bvh_joint(f'JOINT {side}{part}', f'{sign * 20} {y} 0')
        for part, y in (('Leg', -90), ('Arm', 50))
        for side, sign in (('Left', 1), ('Right', -1))
    ]
    spine = bvh_joint('JOINT Spine', '0 30 0', ''.join(limbs[2:]))
    head = 'HIERARCHY\n' + bvh_joint('ROOT Hips', '0 95 0', spine + ''.join(limbs[:2]))
    texts = []
    for frames, newline in ((1, '\n'), (3, '\r\n')):
        rows = [' '.join(f'{x:.4g}' for x in RNG.normal(size=36)) for _ in range(frames)]
        motion = f'MOTION\nFrames: {frames}\nFrame Time: 0.0333333\n' + '\n'.join(rows)
        texts.append((head + motion + '\n').replace('\n', newline))
    return [{'': text.encode()} for text in texts]


def sequences_json() -> list[Parts]:
    body = RNG.normal(size=(2, 20, 3)).round(3).tolist()
    data = {'file_name': 'a01_s01_e00_v01', 'skeletons': body, 'label': 1}
    whole = {'label': 1, 'skeletons': RNG.integers(-9, 9, (1, 20, 3)).tolist()}
    return [{'': json.dumps(data).encode()}, {'': json.dumps(whole, indent=0).encode()}]


def tables() -> list[Parts]:
    header = ','.join(f'{axis}{joint}' for joint in range(4) for axis in 'xyz')
    row = ','.join(f'{x:.4g}' for x in RNG.normal(size=12))
    both = ','.join(f'p{m}_{name}' for m in (0, 1) for name in header.split(','))
    return [
        {'': f'{header}\n{row}\n{row}\n'.encode()},
        {'': f'\ufeff{both}\r\n{row},,,,,,,,,,,,\r\n'.encode()},
        {'': f'"x0",{header[3:]}\n"1",{row[row.index(",") + 1 :]}\n'.encode()},
    ]


def csv_rest() -> dict[str, bytes]:
    return {
        'layout.json': json.dumps(STICK).encode(),
        'one.csv': tables()[0][''],
        'labels.csv': b'name,label,split,subject\none,walk,train,1\n',
    }


def csv_target(name: str, file: str, seeds: Callable[[], list[Parts]], *tokens: bytes) -> Target:
    converters: dict[Path, CsvConverter] = {}

    def parse(path: Path) -> bool:
        if path not in converters:
            converters[path] = CsvConverter(path.parent / 'layout.json')
        converters[path].classes = None
        return converted(converters[path], path.parent)

    tokens += (b',', b',,', b'""', b'"', b'\n', b'\r', b'nan', b'1e999', b'x' * 140_000)
    return Target(
        name,
        file,
        seeds,
        parse,
        tokens=tokens,
        companions=lambda: without(csv_rest(), file),
    )


def csv_labels() -> list[Parts]:
    return [
        {'': b'name,label,split,subject\none,walk,train,1\n'},
        {'': b'\xef\xbb\xbflabel, name \r\n3,one.csv\r\n'},
    ]


# --- binary -------------------------------------------------------------------------------------

NPY = (
    *(b"'shape': (1000000000,)", b"'shape': (-1,)", b"'shape': (2, 25, 3)", b"'shape': ()"),
    *(b"'descr': '<f4'", b"'descr': '|O'", b"'descr': '<U0'", b"'descr': '<U9'", b"'descr': '<c8'"),
    *(b"'descr': '<U999999999'", b"'descr': '|V8'", b"'descr': '<M8[s]'", b"'descr': '>i8'"),
    *(b"'descr': [('a', '<f4')]", b"'fortran_order': True", b"'fortran_order': False", b'\n' * 64),
    *(b"'shape'", b"'descr'", b'{', b'}', b'(' * 300, b'-' * 3000, b'L', b'\x93NUMPY\x01\x00'),
    *(
        b'\x93NUMPY\x02\x00',
        b'\x93NUMPY\x03\x00',
        b'\x93NUMPY\x09\x00',
        b'(0, 1000000000000, 4, 3)',
    ),
    *(b'\xff\xff', b'\xff\xff\xff\x7f', b'nan', b'\x00\x00\xc0\x7f', b'\x00\x00\x80\x7f'),
    *(b'\x00\x7c', b'\xff\xff\xff\xff\xff\xff\xff\x7f', b'\x00\x00\x00\x00\x00\x00\x00\x80'),
)
ZIP = (b'PK\x03\x04', b'PK\x01\x02', b'PK\x05\x06', b'PK\x06\x06', b'PK\x06\x07', b'\x08\x00')
ZIP += (b'\x00\x00', b'\x0c\x00', b'\x0e\x00', b'\x63\x00', b'\x01\x00', b'../evil.npy')


def bandai2() -> list[Parts]:
    arrays = dict(
        keypoint=RNG.normal(size=(4, 21, 3)).astype(np.float16),
        total_frames=np.array([1, 3], np.int32),
        label=np.array([1, 0], np.int16),
        style=np.array([1, 0], np.int16),
        frame_dir=np.array(['b', 'a']),
        style_names=np.array(['active', 'elderly']),
        parents=np.array([-1, *BANDAI2.parents[1:]], np.int16),
    )
    return [archive_parts(**arrays)]


def own_npz() -> list[Parts]:
    two = dict(
        keypoint=RNG.normal(size=(4, 2, 4, 3)).astype(np.float32),
        total_frames=np.array([1, 3]),
        label=np.array(['walk', 'run']),
        frame_dir=np.array(['a', 'b']),
        split=np.array(['train', 'val']),
        subject=np.array([7, 8]),
        parents=np.array([-1, 0, 1, 1]),
    )
    one = dict(
        keypoint=np.asfortranarray(RNG.normal(size=(3, 4, 3))),
        total_frames=np.array([3], np.uint8),
        label=np.array([3], np.uint64),
    )
    return [archive_parts(**two), archive_parts(**one)]


def ctrgcn() -> list[Parts]:
    x = RNG.normal(size=(3, 4, 150)).astype(np.float32)
    x[:, 3] = 0
    x[1, :, 75:] = 0
    y = np.eye(5)[[3, 4, 0]]
    arrays = dict(x_train=x[:2], y_train=y[:2], x_test=x[2:], y_test=y[2:])
    half = {key: value.astype(np.float16) for key, value in arrays.items()}
    return [archive_parts(**arrays), archive_parts(**half)]


def npz_target() -> Target:
    converters: dict[Path, NpzConverter] = {}

    def parse(path: Path) -> bool:
        if path not in converters:
            converters[path] = NpzConverter(path.with_name('layout.json'))
        converters[path].classes = None
        return converted(converters[path], path)

    return Target(
        'own-npz',
        'mine.npz',
        own_npz,
        parse,
        tokens=NPY + ZIP,
        kind='binary',
        pack=zipped,
        companions=lambda: {'layout.json': json.dumps(STICK).encode()},
    )


def agcn_rest() -> dict[str, bytes]:
    names = (['S001C001P001R001A001.skeleton', 'b.skeleton'], [0, 12])
    array = RNG.normal(size=(2, 3, 4, 25, 2)).astype(np.float32)
    files = {}
    for half in ('train', 'val'):
        files |= {
            f'{half}_data_joint.npy': npy(array),
            f'{half}_label.pkl': pickle.dumps(names, 2),
            f'{half}_num_frame.npy': npy(np.array([4, 3])),
        }
    return files


def agcn_labels() -> list[Parts]:
    names = ['S001C001P001R001A001.skeleton', 'b.skeleton']
    return [
        {'': pickle.dumps((names, [0, 12]), 2)},
        {'': pickle.dumps([np.array(names), np.array([0, 12])], 4)},
        {'': pickle.dumps((tuple(names), [np.int64(0), 3]), 0)},
    ]


def agcn(name: str, file: str, seeds: Callable[[], list[Parts]], tokens: tuple) -> Target:
    return Target(
        name,
        file,
        seeds,
        lambda path: converted(AGCNConverter('xsub'), path.parent),
        tokens=tokens,
        kind='binary',
        companions=lambda: without(agcn_rest(), file),
    )


def mat(parts: Parts, rng: random.Random) -> bytes:
    """Join header and elements. Some elements are compressed."""
    (_, header), *elements = parts.items() if parts else [('', b'')]
    out = [header]
    for key, element in elements:
        if key.startswith('z'):
            element = zlib.compress(element, 1)
            element = struct.pack('<II', 15, len(element)) + element
        out.append(element)
    return b''.join(out)


def mats() -> list[Parts]:
    def matrix(name: bytes, values: np.ndarray, kind: int, code: int) -> bytes:
        def element(kind: int, content: bytes) -> bytes:
            return struct.pack('<II', kind, len(content)) + content + bytes(-len(content) % 8)

        return element(
            14,
            element(6, struct.pack('<II', code, 0))
            + element(5, struct.pack(f'<{values.ndim}i', *values.shape))
            + element(1, name)
            + element(kind, values.tobytes('F')),
        )

    header = b'MATLAB 5.0 MAT-file'.ljust(124) + b'\x00\x01IM'
    double = matrix(b'd_skel', RNG.normal(size=(20, 3, 2)), 9, 6)
    single = matrix(b'd_skel', RNG.normal(size=(20, 3, 1)).astype(np.float32), 7, 7)
    other = matrix(b'other', np.ones((1, 1)), 9, 6)
    return [
        {'h': header, 'm': double},
        {'h': header, 'm': other, 'z': double},
        {'h': header, 'z': single},
    ]


MAT = (
    *(struct.pack('<II', kind, size) for kind in (1, 5, 6, 9, 14, 15) for size in (0, 4, 8, 2**31)),
    *(b'd_skel', b'\x00\x02IM', b'\x01\x00MI', struct.pack('<i', -1), struct.pack('<i', 10**9)),
    *(b'\x05\x00\x04\x00', b'\x01\x00\x05\x00', b'\x00\x08', bytes(8 * 400), b'\x0e\x00\x00\x00'),
    *(b'\x14\x00\x00\x00\x03\x00\x00\x00', b'\x00\x00\xf8\x7f', b'\xff\xff\xef\x7f'),
)
PICKLE = (
    *(
        b'cos\nsystem\n',
        b'cbuiltins\ngetattr\n',
        b'\x8c\x02os\x8c\x06system\x93',
        b'R',
        b'b',
        b'\x81',
    ),
    *(b'r\xff\xff\xff\x7f', b'p999999999\n', b'\x8e\xff\xff\xff\xff\x00\x00\x00\x00', b'h\x00'),
    *(
        b'\x96\xff\xff\xff\x7f\x00\x00\x00\x00',
        b'B\xff\xff\xff\x7f',
        b'X\xff\xff\xff\x7f',
        b'q\x00',
    ),
    *(
        b'\x8b\xff\xff\xff\x7f',
        b'\x8a\xff' + b'\x7f' * 255,
        b'I' + b'9' * 5000 + b'\n',
        b'G\x7f\xf8',
    ),
    *(b'\x85' * 2000, b')', b']', b'}', b'(', b't', b'u', b's', b'a', b'e', b'0', b'2', b'1', b'N'),
    *(
        b'\x88',
        b'\x89',
        b'\x8f',
        b'\x90',
        b'\x91',
        b'.',
        b'K\x00',
        b'J\xff\xff\xff\xff',
        b'M\xff\xff',
    ),
    *(
        b'\x8c\x02<U',
        b'f4',
        b'U0',
        b'O8',
        b'V8',
        b'i8',
        b'U9',
        b'<',
        b'>',
        b'|',
        b'C\x04\xff\xff\xff\x7f',
    ),
    *(b'cnumpy\ndtype\n', b'cnumpy\nndarray\n', b'cnumpy.core.multiarray\n_reconstruct\n'),
    *(
        b'cnumpy.core.multiarray\nscalar\n',
        b'c_codecs\nencode\n',
        b'cbuiltins\nset\n',
        b'\x86',
        b'\x87',
    ),
    *(
        b'ccollections\nOrderedDict\n',
        b'\x95\xff\xff\xff\xff\x00\x00\x00\x00',
        b'\x80\x05',
        b'Q',
        b'P1\n',
    ),
    *(
        b'V\\ud800\n',
        b"S'x'\n",
        b'F1e999\n',
        b'Fnan\n',
        b'L9L\n',
        b'\x94',
        b'l',
        b'd',
        b'2\x862\x86' * 200,
    ),
    *(
        b'frame_dir',
        b'label',
        b'keypoint',
        b'total_frames',
        b'split',
        b'annotations',
        b'layout',
        b'ntu',
    ),
    *(b'classes', b'subject', b'dataset', b'train', b'ntu60'),
)


def annotation(name: str, joints: int = 4, axes: int = 3, **more: Any) -> dict[str, Any]:
    keypoint = RNG.normal(size=(1, 2, joints, axes)).astype(np.float32)
    return dict(frame_dir=name, label=1, keypoint=keypoint, total_frames=2) | more


def annotation_pickles() -> list[Parts]:
    whole = dict(
        split={'a_train': ['a'], 'a_val': ['b']},
        annotations=[annotation('a', subject=3), annotation('b', label=np.int64(0))],
        layout=STICK,
        classes=['x', 'y'],
        dataset='mine',
        normalized=True,
    )
    named = [annotation('S001C001P001R001A060', label=59), annotation('S001C002P003R002A013')]
    fancy = annotation('c', tags={'s'}, img_shape=(1080, 1920), names=np.array(['x', 'yy']))
    return [
        *({'': pickle.dumps(whole, protocol)} for protocol in (0, 2, 4, 5)),
        {'': pickle.dumps(named, 4)},
        {'': pickle.dumps(dict(split={}, annotations=[fancy]), 2).replace(b'_core', b'core')},
    ]


def inspected(path: Path) -> bool:
    inspect_annotations(load_annotations(path))
    return True


STAMP = b'fuzz'


def stores() -> list[Parts]:
    """Return stores as samples and index, and pickles of the other fields of a sample."""
    more = dict(subject=3, tags={'s'}, score=np.ones((1, 2, 4)), note=None)
    found = [{'more': pickle.dumps(more, protocol)} for protocol in (2, 4)]
    three = [annotation('c'), annotation('d', **more), annotation('e', 25, 2, label=7)]
    for data in (
        pickle.loads(annotation_pickles()[0]['']),
        dict(split={'x': ['c', 'd'], 'y': ['e', 'gone']}, annotations=three, synthetic=True),
    ):
        file = BytesIO()
        packing.pack_annotations(data, STAMP, file)
        raw, end = file.getvalue(), file.tell() - packing.FOOTER.size
        _, size, *_ = packing.FOOTER.unpack(raw[end:])
        found.append({'samples': raw[: end - size], 'index': raw[end - size : end]})
    return found


def packed(parts: Parts, rng: random.Random) -> bytes:
    """Make a store of parts, with correct checksums."""
    if 'more' in parts:
        more = np.frombuffer(parts['more'], np.uint8)
        words = packing.to_words(np.ones((1, 2, 4, 3), np.float32), more)
        row = np.array([[more.size, 0, 1, 2, 4, 3, 1]])
        index = {}, {}, ['<f4'], np.array([b'a']), np.zeros((0, 1), bool), row, words.sum()[None]
        parts = {'samples': words.tobytes(), 'index': pickle.dumps(index, 4)}
    index = parts.get('index', b'')
    return parts.get('samples', b'') + index + packing.footer(index, STAMP)


def unpacked(path: Path) -> bool:
    """Read a whole store, and check that a pickle may have the same contents."""
    store = packing.PackedAnnotations(path, np.fromfile(path, np.uint8), STAMP)
    for split in store.splits:
        store.select(split)
    samples = [store[row] for row in store.select(None)]
    for sample in samples:  # the checksum does not check the types
        sample['keypoint'] = np.nan_to_num(sample['keypoint'])
    try:
        check_annotations(dict(split={}, annotations=samples), path)
    except InputError as error:
        raise AssertionError(f'what was read was never packed: {error}') from None
    return True


def torch_parts(data: Any) -> Parts:
    file = BytesIO()
    torch.save(data, file)
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def stored(parts: Parts, rng: random.Random) -> bytes:
    if list(parts) == ['']:
        return parts['']
    file = BytesIO()
    method = zipfile.ZIP_STORED if rng.random() < 0.95 else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(file, 'w', method) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=method)
    return file.getvalue()


def checkpoints() -> list[Parts]:
    state = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3)).state_dict()
    whole = dict(
        state_dict=state,
        meta=dict(epoch=1, layout='ntu', time='now', seed=2**40),
        optimizer=dict(state={0: dict(step=torch.tensor(1.0))}, param_groups=[dict(lr=0.1)]),
        raw=b'bytes',
    )
    legacy = BytesIO()
    torch.save({'state_dict': state}, legacy, _use_new_zipfile_serialization=False)
    return [
        torch_parts(whole),
        torch_parts({'a': torch.zeros(3, dtype=torch.bfloat16), 'b': torch.arange(4)[::2]}),
        {'': legacy.getvalue()},
    ]


CHECKPOINT = (
    *PICKLE,
    *(b'ctorch._utils\n_rebuild_tensor_v2\n', b'ctorch\nFloatStorage\n', b'ctorch\nTensor\n'),
    *(b'cbuiltins\nbytearray\n', b'ctorch\nFloatTensor\n', b'ctorch.nn.parameter\nParameter\n'),
    *(b'ctorch._utils\n_rebuild_parameter\n', b'ctorch\nSize\n', b'ctorch\ndevice\n', b'storage'),
    *(b'J\xff\xff\xff\x7f', b'\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x7f', b'ctorch\nfloat32\n'),
    *(
        b'ctorch._utils\n_rebuild_sparse_tensor\n',
        b'ctorch._utils\n_rebuild_qtensor\n',
        b'cpu',
        b'cuda:9',
    ),
)


def loaded(path: Path) -> bool:
    load_plain(str(path), 'cpu')
    return True


WEIGHTS = safetensors.torch.save({'encoders.joint.backbone.x': torch.ones(2, 3)})
ENCODER = dict(
    method='CMD',
    layout='ntu',
    streams=dict(joint=dict(modality='joint', backbone=dict(type='BiGRU', hidden_size=4))),
    clip_len=64,
    data=dict(name='ntu60_xsub', num_classes=60),
    test_pipeline=[dict(type='NormalizeSkeleton')],
    classes=['wave', 'sit'],
)
FOLDER = dict(library_name='mmcmd', mmcmd_version='0.2.0', epoch=1, layout='ntu', encoder=ENCODER)
JSON = (
    *(b'[', b']', b'{', b'}', b'null', b'true', b'1e999', b'NaN', b'[' * 2000, b'9' * 5000),
    *(b'"type"', b'"os.system"', b'"layout"', b'"streams"', b'"_scope_"', b'\\ud800'),
)


def folder_loaded(path: Path) -> bool:
    """Read a published folder. One of its files is the input."""
    for name, content in (('model.safetensors', WEIGHTS), ('config.json', json.dumps(FOLDER))):
        if name != path.name:
            data = content if isinstance(content, bytes) else content.encode()
            (path.parent / name).write_bytes(data)
    return loaded(path.parent)


def text_of(*texts: bytes) -> Callable[[], list[Parts]]:
    return lambda: [{'': text} for text in texts]


NAMES = [f'sample{index:02}' for index in range(5)]
COUNTS = (
    b'25',
    b'1',
    b'0',
    b'\n',
    b' ',
    b'999999999',
    b'1000000000',
    b'nan',
    b'1e999',
    b'\x00',
    b'2',
)
_ALL = (
    Target(
        'skeleton',
        'S001C001P001R001A001.skeleton',
        skeletons,
        lambda path: read(NTUConverter(), path),
        (ValueError,),
        COUNTS,
    ),
    pku('pkummd-skeleton', recordings, RECORDING, COUNTS),
    pku(
        'pkummd-labels',
        text_of(b'3,0,2,1\n51,1,3,2\n', b'\xef\xbb\xbf1,0,900,1\r\n'),
        LABELS,
        (b',', b'1,0,2,1\n', b'51', b'52', b'\n', b'999999999', b'\xd9\xa3'),
    ),
    pku(
        'pkummd-lists',
        text_of(
            pku_rest()[LIST], b'training videos: A01N01-L.txt\r\nTest videos: 0002-L \r\n0003-M\r\n'
        ),
        LIST,
        (b'Training videos:', b'Validataion videos:', b'0002-L', b',', b'\n', b'../x-L'),
    ),
    Target(
        'nwucla-json',
        'a01_s01_e00_v01.json',
        sequences_json,
        lambda path: read(NWUCLAConverter(), path),
        (ValueError,),
        (
            *(b'[', b']', b'{', b'}', b',', b'"', b'null', b'true', b'NaN', b'1e999', b'-Infinity'),
            *(b'[' * 2000, b'{"a":' * 2000, b'"skeletons"', b'"label"', b'\\ud800', b'"x"'),
            *(b'9' * 400, b'9' * 5000, b'"' + b'x' * 30_000 + b'"', b'[[],[]]', b'\x00'),
        ),
    ),
    Target(
        'utdmhad-mat',
        'a1_s1_t1_skeleton.mat',
        mats,
        lambda path: read(UTDMHADConverter(), path),
        (ValueError,),
        MAT,
        'binary',
        mat,
    ),
    Target(
        'msraction3d',
        'a01_s01_e01_skeleton3D.txt',
        msr_text,
        lambda path: converted(MSRAction3DConverter(), path.parent),
        tokens=(b' 1 2 3 4\n', b'\n' * 80, b'-1', b' 0.5' * 80),
    ),
    utkinect('utkinect-joints', utkinect_joints, JOINTS, b'\n', b'2 ', b' 0.5' * 61, b'\n4   1'),
    utkinect(
        'utkinect-labels',
        lambda: [{'': utkinect_rest()[ACTIONS]}],
        ACTIONS,
        *(b's01_e01', b's99_e01', b'walk: ', b'NaN', b': 2 4\n', b'fly'),
    ),
    Target(
        'bvh',
        'a.bvh',
        bvhs,
        lambda path: converted(BVHConverter(units='1', fps=20.0), path.parent),
        tokens=(
            *(b'HIERARCHY', b'ROOT', b'JOINT', b'End Site', b'OFFSET', b'CHANNELS', b'{', b'}'),
            *(
                b'MOTION',
                b'Frames:',
                b'Frame Time:',
                b'Xrotation',
                b'Yposition',
                b'JOINT a {' * 2000,
            ),
        ),
    ),
    Target(
        'bandai2-npz',
        'b.npz',
        bandai2,
        lambda path: converted(Bandai2Converter(), path),
        tokens=NPY + ZIP,
        kind='binary',
        pack=zipped,
    ),
    npz_target(),
    csv_target('own-csv', 'one.csv', tables, b'x0', b'p0_x0', b'z0', b'p1_'),
    csv_target('own-csv-labels', 'labels.csv', csv_labels, b'name', b'label', b'../one', b'split'),
    Target(
        'own-layout',
        'layout.json',
        text_of(json.dumps(STICK).encode(), json.dumps(STICK | dict(graph_name='x')).encode()),
        read_layout,
        tokens=(
            *(b'"joints"', b'"parents"', b'"name"', b'"spine"', b'"shoulders"', b'"centre"'),
            *(b'[', b']', b'{', b'}', b'null', b'true', b'1e999', b'NaN', b'[' * 2000, b'9' * 5000),
        ),
    ),
    Target(
        'ctrgcn-npz',
        'NTU60_CS.npz',
        ctrgcn,
        lambda path: converted(CTRGCNConverter(), path),
        tokens=NPY + ZIP,
        kind='binary',
        pack=zipped,
    ),
    agcn(
        'agcn-npy',
        'train_data_joint.npy',
        lambda: [{'': agcn_rest()['train_data_joint.npy']}, {'': npy(np.ones((2, 3, 1, 25, 1)))}],
        NPY + ZIP,
    ),
    agcn(
        'agcn-frames',
        'val_num_frame.npy',
        lambda: [{'': npy(np.array([4, 3]))}, {'': npy(np.array([4.0, 3.0], np.float32))}],
        NPY + ZIP,
    ),
    agcn('agcn-labels', 'val_label.pkl', agcn_labels, PICKLE),
    Target('annotations', 'a.pkl', annotation_pickles, inspected, tokens=PICKLE, kind='binary'),
    Target(
        'pyskl',
        'theirs.pkl',
        lambda: [
            *annotation_pickles()[2:],
            {'': pickle.dumps([annotation('k', 17, 2), annotation('l', 17, 2)], 4)},
        ],
        lambda path: converted(PysklConverter(), path) or True,
        tokens=PICKLE,
        kind='binary',
    ),
    Target(
        'store',
        'a.pkl.store',
        stores,
        unpacked,
        (InputError, packing.DamagedError),
        PICKLE,
        'binary',
        packed,
    ),
    Target(
        'checkpoint', 'c.pth', checkpoints, loaded, tokens=CHECKPOINT, kind='binary', pack=stored
    ),
    Target(
        'folder-config',
        'config.json',
        text_of(json.dumps(FOLDER).encode(), json.dumps(FOLDER | dict(results={})).encode()),
        folder_loaded,
        tokens=JSON,
    ),
    Target(
        'folder-weights',
        'model.safetensors',
        lambda: [{'': WEIGHTS}, {'': safetensors.torch.save({'a': torch.arange(4)})}],
        folder_loaded,
        tokens=(b'F32', b'"shape"', b'"data_offsets"', b'\xff' * 8, *JSON),
        kind='binary',
    ),
    Target(
        'subset-file',
        'subset.txt',
        text_of(b'# drawn\nsample00\nsample03 # x\n', b'\xef\xbb\xbfsample01\r\n'),
        lambda path: bool(read_subset(path, NAMES)),
        tokens=(b'#', b'\n', b'sample00', b'sample', b'\r', b'\x0c', b'\xff'),
        valid=False,
    ),
    Target(
        'missing-list',
        'missing.txt',
        text_of(
            b'S001C002P005R002A008\nS001C002P006R001A008\n',
            b'# list\r\nS001C002P005R002A008.skeleton',
        ),
        lambda path: bool(NTUConverter(missing=path).missing),
        tokens=(b'S001C002P005R002A008', b'.skeleton', b'#', b'\n', b'\xef\xbb\xbf', b'\xff'),
    ),
)
TARGETS = {target.name: target for target in _ALL}
