"""Checks of the coordinates of an annotation file, for errors that silently harm a training."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from mmcmd.datasets.annotations.bodies import bones_of, longest_steps
from mmcmd.datasets.annotations.counts import Inspection
from mmcmd.datasets.annotations.findings import Finding, share, some
from mmcmd.skeletons import Layout

# Correct data stay far from each limit; docs/check_your_data.md has the measurements.
LONGEST_BONE = 1.6
"""Limit for the length of a bone, as a multiple of the longest step on the best other path."""
MOST_TURNED = 0.5
"""Limit for the share of bodies with shoulders that point away from +x."""
MOST_UPSIDE_DOWN = 0.01
"""Limit for the share of bodies that are upside down, see :data:`UPSIDE_DOWN`."""
UPSIDE_DOWN = 120.0
"""A body is upside down if it leans more than this, in degrees. A person on the floor has 90."""
MOST_LEAN = 25.0
"""Limit for the lean of the median body, in degrees."""
LOWEST, HIGHEST = 0.05, 4.0
"""Limits for the median body from end to end, in metres: a hand, a person with raised arms."""
MOST_EMPTY = 0.25
"""Limit for the share of frames of a sequence that show nobody."""
MOST_MISSING = 0.5
"""Limit for the share of bodies in which a joint is zero."""


def uprightness(data: dict[str, Any], found: Inspection) -> Iterator[Finding]:
    """Find bodies that lean or are upside down after the pre-normalisation."""
    upright, layout, facing = found.uprightness, found.layout, found.facing
    if upright is None or layout is None or not upright.up or any(joint_order(data, found)):
        return  # if the order of the joints is wrong, spine and shoulders are wrong too
    leans = upright.leans[~np.isnan(upright.leans)]
    down = int((leans > UPSIDE_DOWN).sum())
    shown = share(int((leans > 90).sum()), len(leans))
    first = f', such as {upright.upside_down[0]}' if upright.upside_down else ''
    if layout.spine is not None and upright.median > UPSIDE_DOWN:
        yield Finding(
            f'{shown} bodies are upside down after the normalisation{first}',
            f'Exchange the two ends of `spine` in the layout {layout.name!r}, now '
            f'{_names(layout, layout.spine)}',
        )
    elif facing is not None and np.nanmean(facing < 0) > MOST_TURNED:
        yield Finding(
            f'the shoulders point away from +x in {100 * np.nanmean(facing < 0):.0f} % of the '
            f'bodies; after the normalisation {shown} bodies are upside down{first}',
            f'Exchange the two joints of `shoulders` in the layout {layout.name!r}, now '
            f'{_names(layout, layout.shoulders)}',
        )
    elif down > max(2, MOST_UPSIDE_DOWN * len(leans)):
        yield Finding(
            f'{shown} bodies are upside down after the normalisation{first}', _upright(data, found)
        )
    elif layout.spine is not None and upright.median > MOST_LEAN:
        yield Finding(
            f'the median body leans {upright.median:.0f} degrees after the normalisation',
            f'Let `spine` of the layout {layout.name!r}, now {_names(layout, layout.spine)}, span '
            'the trunk from the hips to the shoulders',
        )


def _upright(data: dict[str, Any], found: Inspection) -> str:
    """Return the remedy for bodies that are upside down."""
    if found.layout.spine is None:
        return f'Turn their coordinates, so that {found.uprightness.up} is up in all sequences'
    if data.get('normalized'):
        return 'Normalise the raw coordinates again, with the two joints of `shoulders` exchanged'
    return (
        'Rotate these recordings about the vertical until the shoulders point near +x; or, if the '
        'bodies stand '
        'upright in the data, leave `spine` and `shoulders` out of the layout'
    )


def _names(layout: Layout, points: Iterable[int | tuple[int, ...]]) -> str:
    """Return the names of points; a point is a joint or the middle of several joints."""
    names = ['-'.join(layout.joints[x] for x in np.atleast_1d(point)) for point in points]
    return ' and '.join(names)


def empty_frames(data: dict[str, Any], found: Inspection) -> Iterator[Finding]:
    """Find samples that are all zero, and samples with many frames that are all zero."""
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
    """Find joints that are zero in all bodies, or in most of them."""
    bodies, layout = found.bodies, found.layout
    if bodies is None or layout is None:
        return
    missing = bodies.missing.copy()
    centre = missing[layout.centre] if isinstance(layout.centre, int) else 0
    if centre == 1:
        missing[layout.centre] = 0  # it is zero because the coordinates are centred on it
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
    """Find heights that are not in metres, and confidences in place of the third coordinate."""
    bodies = found.bodies
    if bodies is None or not len(bodies.heights) or len(bodies.low) != 3 or len(bodies.missing) < 2:
        return  # points in an image may have any unit, and a single joint has no height
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
            f'the median body measures {_short(height)} from end to end, so the unit is not metres',
            f'{guess}, so that they are metres',
        )


def _short(number: float) -> str:
    return f'{number:,.0f}' if number >= 10 else f'{number:.2g}'


_UNITS = ((('millimetres', 1000), 400), (('centimetres', 100), 40))


def joint_order(data: dict[str, Any], found: Inspection) -> Iterator[Finding]:
    """Find bones that look wrong, which happens if the joints have another order.

    The parent of a joint is usually one of the joints next to it. If a path through other joints
    has only steps that are much shorter than the bone, the two joints are not neighbours.
    """
    bones, lengths, steps = _bones(found)
    wrong = np.flatnonzero(lengths > LONGEST_BONE * steps)
    if len(wrong):
        worst = wrong[np.argmax(lengths[wrong] / steps[wrong])]
        joint, parent = (found.layout.joints[x] for x in bones[worst])
        yield Finding(
            f'{len(wrong)} of {len(bones)} bones of layout {found.layout.name!r} look wrong, '
            f'so the joints may have another order: the bone from {parent} to {joint} has length '
            f'{lengths[worst]:.2g}, but a path through other joints has steps of at most '
            f'{steps[worst]:.2g}',
            'Compare `joints` and `parents` of the layout with the order of the joints in the data',
        )


def _bones(found: Inspection) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return bones (E, 2), their lengths (E,), and the longest step on each best path (E,)."""
    if found.bodies is None or found.layout is None:
        return np.zeros((0, 2), int), np.zeros(0), np.zeros(0)
    bones = bones_of(found.layout, found.bodies)
    distances, pairs = found.bodies.distances, tuple(bones.T)
    return bones, distances[pairs], longest_steps(distances)[pairs]


CHECKS = (joint_order, uprightness, units, empty_frames, missing_joints)
