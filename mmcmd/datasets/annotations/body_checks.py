"""Checks of the coordinates of an annotation file: what a training cannot see, but suffers from."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from mmcmd.datasets.annotations.bodies import bones_of, shortest_tree
from mmcmd.datasets.annotations.counts import Inspection
from mmcmd.datasets.annotations.findings import Finding, share, some
from mmcmd.skeletons import Layout

# Each threshold lies far from what healthy data have: see docs/check_your_data.md for the figures.
MOST_LEAN = 25.0
"""Degrees that the median body may lean."""
MOST_UPSIDE_DOWN = 0.02
"""Share of the bodies that may be upside down: performers lie and roll on the floor."""
MOST_MISSING = 0.5
"""Share of the bodies in which a joint may be zero."""
MOST_EMPTY = 0.1
"""Share of the frames of a sequence that may show nobody."""
LOWEST, HIGHEST = 0.05, 4.0
"""Metres from end to end of the median body: a hand, and a person with raised arms."""
LONGEST_BONES = 2.0
"""How long the bones may be, as a multiple of those of the shortest tree of the same joints."""
"""See :func:`joint_order`."""


def uprightness(data: dict[str, Any], found: Inspection) -> Iterator[Finding]:
    """Bodies that lean or are upside down after the pre-normalisation."""
    upright, layout = found.uprightness, found.layout
    if upright is None or layout is None or layout.spine is None:
        return  # nothing is turned, so each data set may have its own up
    down, measured = upright.upside_down, int((~np.isnan(upright.leans)).sum())
    if len(down) > MOST_UPSIDE_DOWN * measured:
        yield Finding(
            f'{share(len(down), measured)} bodies are upside down after the normalisation, such as '
            f'{down[0]}',
            f'Exchange the two joints of `shoulders` in the layout {layout.name!r}, now '
            f'{_names(layout, layout.shoulders)}, and convert again; their vector must mostly '
            'point to +x',
        )
    elif upright.median > MOST_LEAN:
        yield Finding(
            f'the median body leans {upright.median:.0f} degrees after the normalisation',
            f'Choose two joints far apart for `spine` in the layout {layout.name!r}, now '
            f'{_names(layout, layout.spine)}: hips and shoulders, say',
        )


def _names(layout: Layout, points: Iterable[int | tuple[int, ...]]) -> str:
    """Name joints; a point may be the middle of several."""
    names = ['-'.join(layout.joints[x] for x in np.atleast_1d(point)) for point in points]
    return ' and '.join(names)


def empty_frames(data: dict[str, Any], found: Inspection) -> Iterator[Finding]:
    """Samples that are all zero, and samples with many frames that are."""
    if found.empty:
        yield Finding(
            f'{share(len(found.empty), found.num_samples)} samples are all zero, such as '
            f'{found.empty[0]}',
            'Nobody was seen; leave them out',
        )
    bodies = found.bodies
    if bodies is None:
        return
    gaps = bodies.empty_frames / bodies.frames
    bad = np.flatnonzero((gaps > MOST_EMPTY) & (gaps < 1))
    if len(bad):
        name = data['annotations'][bad[0]]['frame_dir']
        yield Finding(
            f'{share(len(bad), found.num_samples)} sequences show nobody in more than '
            f'{MOST_EMPTY:.0%} of their frames, such as {name} ({gaps[bad[0]]:.0%})',
            'Leave these frames out: gaps in the middle stay zero and look like a jump',
        )


def missing_joints(data: dict[str, Any], found: Inspection) -> Iterator[Finding]:
    """Joints that are zero in all bodies, or in most."""
    bodies, layout = found.bodies, found.layout
    if bodies is None or layout is None:
        return
    missing = bodies.missing.copy()
    centre = missing[layout.centre] if isinstance(layout.centre, int) else 0
    if centre == 1:
        missing[layout.centre] = 0  # the coordinates are centred on it already
    always = np.flatnonzero(missing == 1)
    often = np.flatnonzero((missing > MOST_MISSING) & (missing < 1))
    if len(always) == 1 and centre < 1:
        yield Finding(
            f'joint {_listed(layout, always)} is always zero, which means that it is missing',
            'If the coordinates are centred on it, make it the `centre` of the layout; else leave '
            'it out of layout and data',
        )
    elif len(always):
        yield Finding(
            f'{len(always)} of {len(missing)} joints are always zero, which means that they are '
            f'missing: {_listed(layout, always)}',
            'Leave them out of layout and data, or take the layout of the sensor',
        )
    if len(often):
        yield Finding(
            f'{len(often)} of {len(missing)} joints are zero in more than {MOST_MISSING:.0%} of '
            f'the bodies: {_listed(layout, often)}',
            'The sensor does not see them; leave them out of layout and data',
        )


def _listed(layout: Layout, joints: Iterable[int]) -> str:
    return some(f'{joint} {layout.joints[joint]}' for joint in joints)


def units(data: dict[str, Any], found: Inspection) -> Iterator[Finding]:
    """Heights that are no metres, and confidences in the place of the third coordinate."""
    bodies = found.bodies
    if bodies is None or len(bodies.low) != 3 or not len(bodies.heights):
        return  # points in an image may have any unit
    height = float(np.median(bodies.heights))
    if height > HIGHEST and bodies.low[2] >= 0 and bodies.high[2] <= 1:
        yield Finding(
            f'the third coordinate lies in [0, 1], and the median body is {height:,.0f} high: this '
            'looks like x, y and a confidence',
            'Keep x and y alone, with a layout without spine and shoulders',
        )
    elif height > HIGHEST or height < LOWEST:
        unit = next((x for x, low in _UNITS if height >= low), None)
        guess = f'These look like {unit[0]}: divide by {unit[1]:,}' if unit else 'Scale them'
        yield Finding(
            f'the median body measures {height:,.3g} from end to end, which are no metres',
            f'{guess}, so that they are metres',
        )


_UNITS = ((('millimetres', 1000), 400), (('centimetres', 100), 40))


def joint_order(data: dict[str, Any], found: Inspection) -> Iterator[Finding]:
    """Bones that fit the data badly, as if the joints had another order."""
    bodies, layout = found.bodies, found.layout
    if bodies is None or layout is None:
        return
    bones = bones_of(layout, bodies)
    if len(bones) < 3:
        return
    ratio = bone_ratio(bodies.distances, bones)
    if ratio > LONGEST_BONES:
        changes = bodies.changes[tuple(bones.T)]
        worst = bones[np.nan_to_num(changes).argmax()]
        yield Finding(
            f'the bones of layout {layout.name!r} are {ratio:.1f} times as long as those of the '
            f'shortest tree of these joints, and their lengths vary by {np.nanmean(changes):.0%} '
            f'({_names(layout, tuple(worst))}: {np.nanmax(changes):.0%}), as if the joints had '
            'another order',
            'Compare the order of the joints in the layout with that of the arrays',
        )


def bone_ratio(distances: np.ndarray, bones: np.ndarray) -> float:
    """Return the mean length of bones over that of the shortest tree of the same joints."""
    tree = shortest_tree(distances)
    return float(distances[tuple(bones.T)].mean() / distances[tuple(tree.T)].mean())


CHECKS = (joint_order, uprightness, units, empty_frames, missing_joints)
