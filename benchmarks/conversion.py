"""Convert raw ``.skeleton`` files to normalised arrays, against reading them line by line."""

import math
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.cores import read_arrays
from benchmarks.harness import (
    Disagreement,
    Figure,
    Growth,
    Result,
    check_equal,
    in_turns,
    ratio,
)
from benchmarks.processes import in_a_process
from mmcmd.skeletons import NTU
from mmcmd.synthetic import Plan, generate

BODY_FIELDS = (
    *('bodyID', 'clipedEdges', 'handLeftConfidence', 'handLeftState', 'handRightConfidence'),
    *('handRightState', 'isResticted', 'leanX', 'leanY', 'trackingState'),
)
JOINT_FIELDS = (
    *('x', 'y', 'z', 'depthX', 'depthY', 'colorX', 'colorY'),
    *('orientationW', 'orientationX', 'orientationY', 'orientationZ', 'trackingState'),
)


def read_into_dicts(path: Path) -> dict:
    """Read a ``.skeleton`` file line by line, every field of every joint."""
    with path.open() as file:
        sequence = {'numFrame': int(file.readline()), 'frameInfo': []}
        for _ in range(sequence['numFrame']):
            frame = {'numBody': int(file.readline()), 'bodyInfo': []}
            for _ in range(frame['numBody']):
                body = dict(zip(BODY_FIELDS, map(float, file.readline().split()), strict=True))
                body['numJoint'] = int(file.readline())
                body['jointInfo'] = []
                for _ in range(body['numJoint']):
                    fields = file.readline().split()
                    joint = {
                        key: float(field) for key, field in zip(JOINT_FIELDS, fields, strict=True)
                    }
                    body['jointInfo'].append(joint)
                frame['bodyInfo'].append(body)
            sequence['frameInfo'].append(frame)
    return sequence


def energy(body: np.ndarray) -> float:
    """Sum the standard deviations of x, y and z in the frames (T, V, 3) that show the body."""
    shown = body[body.sum(-1).sum(-1) != 0].astype(np.float64)
    return sum(shown[:, :, axis].std() for axis in range(3)) if len(shown) else 0.0


def read_persons(path: Path) -> np.ndarray:
    """Return the two bodies with the most energy, (M, T, V, 3)."""
    sequence = read_into_dicts(path)
    data = np.zeros((4, sequence['numFrame'], NTU.num_joints, 3), np.float32)
    for n, frame in enumerate(sequence['frameInfo']):
        for m, body in enumerate(frame['bodyInfo'][:4]):
            for j, joint in enumerate(body['jointInfo']):
                data[m, n, j] = [joint['x'], joint['y'], joint['z']]
    energies = np.array([energy(body) for body in data])
    return np.stack([data[m] for m in energies.argsort()[::-1][:2] if energies[m]])


def pad(persons: np.ndarray) -> None:
    """Move every person (T, V, 3) to the first frame and repeat it until the end, in place."""
    for person in persons:
        if person[0].sum() == 0:
            shown = person[person.sum(-1).sum(-1) != 0].copy()
            person[:] = 0
            person[: len(shown)] = shown
        for n, frame in enumerate(person):
            if frame.sum() == 0 and person[n:].sum() == 0:
                rest = len(person) - n
                person[n:] = np.concatenate([person[:n]] * math.ceil(rest / n))[:rest]
                break


def rotation_matrix(axis: np.ndarray, angle: float) -> np.ndarray:
    """Return the counterclockwise rotation (3, 3) about an axis, by the Euler-Rodrigues formula."""
    if np.abs(axis).sum() < 1e-6 or np.abs(angle) < 1e-6:
        return np.eye(3)
    a, (b, c, d) = math.cos(angle / 2), -axis / np.linalg.norm(axis) * math.sin(angle / 2)
    return np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c + a * d), 2 * (b * d - a * c)],
            [2 * (b * c - a * d), a * a + c * c - b * b - d * d, 2 * (c * d + a * b)],
            [2 * (b * d + a * c), 2 * (c * d - a * b), a * a + d * d - b * b - c * c],
        ]
    )


def rotate_joint_by_joint(persons: np.ndarray, joints: tuple[int, int], target: list[int]) -> None:
    """Turn the first person's bone between two joints onto an axis, in place."""
    bone = (persons[0, 0, joints[1]] - persons[0, 0, joints[0]]).astype(np.float64)
    cosine = np.dot(bone / np.linalg.norm(bone), target)
    matrix = rotation_matrix(np.cross(bone, target), np.arccos(np.clip(cosine, -1.0, 1.0)))
    for m, person in enumerate(persons):
        for n, frame in enumerate(person):
            if frame.sum() == 0:
                continue
            for j, joint in enumerate(frame):
                persons[m, n, j] = np.dot(matrix, joint)


def line_by_line(paths: list[Path]) -> list[np.ndarray]:
    """Do the same as the usual scripts of this field, file by file."""
    found = []
    for path in paths:
        persons = read_persons(path)
        pad(persons)
        mask = (persons.sum(-1) != 0)[..., None]
        persons = (persons - persons[:1, :, NTU.centre, None]) * mask
        rotate_joint_by_joint(persons, NTU.spine, [0, 0, 1])
        rotate_joint_by_joint(persons, NTU.shoulders, [1, 0, 0])
        found.append(persons)
    return found


def make_files(folder: Path, plan: Plan, count: int) -> list[Path]:
    """Write synthetic files. Their numbers are as long as those in a file of NTU RGB+D."""
    generate(folder, plan)
    rng = np.random.default_rng(0)
    paths = sorted(folder.glob('*.skeleton'))
    for path in paths[count:]:
        path.unlink()
    for path in paths[:count]:
        pieces = path.read_bytes().split(b' 0 0 0 0 ')  # the generator writes no orientations
        turns = rng.normal(size=(len(pieces), 4))
        turns /= np.linalg.norm(turns, axis=1, keepdims=True)
        fields = (b' %.7g %.7g %.7g %.7g ' % tuple(turn) for turn in turns.tolist())
        path.write_bytes(pieces[0] + b''.join(map(bytes.__add__, fields, pieces[1:])))
    return paths[:count]


def run(short: bool) -> Iterator[Result]:
    """Time both on the same files, each in one process. The files are in the page cache."""
    with tempfile.TemporaryDirectory() as root:
        raw = Path(root, 'raw')
        plan, count = (Plan(subjects=1, actions=8), 24) if short else (Plan(subjects=21), 1000)
        paths = make_files(raw, plan, count)
        size = sum(path.stat().st_size for path in paths) / len(paths) / 1000
        about = f'synthetic files of {size:.0f} kB on average'
        check_equal(read_arrays(paths), line_by_line(paths), 'normalised arrays', atol=1e-5)
        loop, fast = partial(line_by_line, paths), partial(read_arrays, paths)
        yield Figure(
            'conversion',
            f'{count:,} `.skeleton` files to normalised arrays, one core',
            **ratio(in_turns(2 if short else 3, ours=fast, lines=loop), 'lines'),
            goal='' if short else '>= 12',
            against='reading line by line into dicts, rotation joint by joint',
            note=about,
        )
        if not short:
            sizes = (250, 500, 1000)
            times = in_turns(5, **{str(n): partial(read_arrays, paths[:n]) for n in sizes})
            medians = [float(np.median(times[str(n)])) for n in sizes]
            yield Growth('conversion (s)', 'files', sizes, medians, about)
        yield cores(raw, len(paths), short)


def cores(raw: Path, count: int, short: bool) -> Figure:
    """Compare one process with two."""
    found = in_a_process('benchmarks.cores', raw, 1 if short else 7)
    if not found['equal']:
        raise Disagreement('the pickles of one and of two processes differ')
    bare = ratio(found['times'], 'alone', under='halves')
    return Figure(
        'conversion',
        f'{count:,} `.skeleton` files to a pickle of normalised arrays, `jobs=2`',
        **ratio(found['times'], 'one', under='two'),
        goal='' if short else '>= 1.8',
        against='`jobs=1`',
        note=f'{bare["value"]:.2f} x ({bare["low"]:.2f} to {bare["high"]:.2f}) with two processes '
        'that read half of the files each and return nothing',
    )
