"""The text files of PKU-MMD: long recordings of many actions with pauses between them."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from mmcmd.datasets.converters.pkummd import PERSONS, TRAIN_VIEWS
from mmcmd.skeletons import NTU

from ..kinematics import Array
from ..plan import Performance, Plan, setup_of
from ..recording import record, simulate
from ..sensor import Track, make_camera, observe
from .base import Format, Unit

VIEWS = {1: 'L', 2: 'M', 3: 'R'}
_LISTS = {'subject': 'Split/cross-subject.txt', 'view': 'Split/cross-view.txt'}
_PAUSE = (10, 40)  # frames
_ROW = ' '.join(['%.6f'] * (PERSONS * NTU.num_joints * 3))


class PKUMMDFormat(Format):
    """One recording per subject and replication. The cameras are the views L, M and R."""

    title = 'PKU-MMD'
    limits = {'subjects': 99, 'replications': 99}  # noqa: RUF012

    def units(self, plan: Plan) -> list[Unit]:
        """Return a unit for the lists of the splits, and one unit per recording."""
        performances = plan.performances(self.actions)
        return [(), *(tuple(unit) for _, unit in groupby(performances, key=lambda p: p[:2]))]

    def names(self, plan: Plan, unit: Unit) -> list[str]:
        """Return the names of a skeleton and a label file per camera, or of the lists."""
        if not unit:
            return list(_LISTS.values())
        stems = [f'{_number(plan, unit[0])}-{VIEWS[camera]}' for camera in plan.cameras]
        return [f'{folder}/{stem}.txt' for stem in stems for folder in ('Skeleton', 'Label')]

    def contents(self, plan: Plan, unit: Unit, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Perform the actions one after the other, and record the given files."""
        if not unit:
            yield from ((name, _list(plan, name).encode()) for name in names)
            return
        scenes = _stage(plan, unit)
        cameras = {view: camera for camera, view in VIEWS.items()}
        for name in names:
            if name.startswith('Label/'):
                yield name, ''.join(_intervals(scenes)).encode()
            else:
                camera = cameras[name.removesuffix('.txt')[-1]]
                yield name, ''.join(_rows(plan, scenes, camera, unit[0])).encode()


Scene = tuple[Performance | None, list[Array]]


def _stage(plan: Plan, unit: Unit) -> list[Scene]:
    """Shuffle the performances, and add transitions of the subject between them."""
    rng = np.random.default_rng([plan.seed, 5, *unit[0][:2]])
    order = [unit[index] for index in rng.permutation(len(unit))]
    acts: list[Scene] = [(performance, simulate(plan.seed, performance)) for performance in order]
    poses = [(bodies[0][0], bodies[0][-1]) for _, bodies in acts]
    ends = [poses[0][0], *(last for _, last in poses)]
    starts = [*(first for first, _ in poses), poses[-1][1]]
    scenes: list[Scene] = []
    for index, (end, start) in enumerate(zip(ends, starts, strict=True)):
        share = np.linspace(0, 1, int(rng.integers(*_PAUSE)))[:, None, None]
        share = share * share * (3 - 2 * share)
        scenes.append((None, [end + share * (start - end)]))
        scenes += acts[index : index + 1]
    return scenes


def _intervals(scenes: list[Scene]) -> Iterator[str]:
    frame = 0
    for performance, bodies in scenes:
        start, frame = frame, frame + len(bodies[0])
        if performance:
            yield f'{performance[2]},{start},{frame},2\n'


def _rows(plan: Plan, scenes: list[Scene], camera: int, first: Performance) -> Iterator[str]:
    place = make_camera(plan.seed, setup_of(first[0]), camera)
    rng = np.random.default_rng([plan.seed, 6, camera, *first[:2]])
    for performance, bodies in scenes:
        if performance:
            tracks = record(plan.seed, performance, bodies, camera)
        else:
            tracks = observe(bodies, place, rng)
        for row in _persons(tracks).reshape(len(bodies[0]), -1).tolist():
            yield _ROW % tuple(row) + '\n'


def _persons(tracks: list[Track]) -> Array:
    """Keep the first two detected bodies of each frame, (T, 2, V, 3)."""
    frames = np.zeros((len(tracks[0].present), PERSONS, NTU.num_joints, 3))
    for time, frame in enumerate(frames):
        seen = [track.joints[time] for track in tracks if track.present[time]][:PERSONS]
        frame[: len(seen)] = seen or 0
    return frames


def _number(plan: Plan, performance: Performance) -> str:
    subject, replication, _ = performance
    return f'{(subject - 1) * plan.replications + replication:04}'


def _list(plan: Plan, name: str) -> str:
    """Return the list of a split. The training part has odd subjects, or the views M and R.

    The spelling of the headings is that of the published files.
    """
    halves: dict[bool, list[str]] = {True: [], False: []}
    for subject, replication, _ in plan.performances(range(1, 2)):
        number = _number(plan, (subject, replication, 1))
        for view in (VIEWS[camera] for camera in plan.cameras):
            trains = subject % 2 == 1 if name == _LISTS['subject'] else view in TRAIN_VIEWS
            halves[trains].append(f'{number}-{view}')
    train, rest = (', '.join(halves[half]) for half in (True, False))
    return f'Training videos: \n{train}, \n\nValidataion videos: \n{rest}, \n'
