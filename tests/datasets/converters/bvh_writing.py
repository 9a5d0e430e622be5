"""Write BVH files of small rigs for the tests."""

import numpy as np

from mmcmd.datasets.converters.bvh_rig import Rig

# Name, name of the parent, and offset in centimetres. The body faces +z, so its left is at +x.
_TRUNK = (
    ('Hips', None, (0, 95, 0)),
    ('Spine', 'Hips', (0, 20, 0)),
    ('Chest', 'Spine', (0, 20, 0)),
    ('Neck', 'Chest', (0, 10, 0)),
    ('Head', 'Neck', (0, 15, 0)),
)
_LIMBS = (
    ('Arm', 'Chest', (18, 5, 0)),
    ('ForeArm', 'Arm', (28, 0, 0)),
    ('Hand', 'ForeArm', (25, 0, 0)),
    ('UpLeg', 'Hips', (10, 0, 0)),
    ('Leg', 'UpLeg', (0, -42, 0)),
    ('Foot', 'Leg', (0, -42, 5)),
)


def _sided(name, side):
    return name if name in ('Chest', 'Hips') else side + name


BODY = (
    *_TRUNK,
    *(
        (side + name, _sided(parent, side), (sign * x, y, z))
        for side, sign in (('Left', 1), ('Right', -1))
        for name, parent, (x, y, z) in _LIMBS
    ),
)


def bvh_text(rig=BODY, frames=6, seed=0, everywhere=False, order='ZXY', time='0.0333333'):
    """Write a recording of random motion.

    With `everywhere`, each joint has channels of position that repeat its offset, as in the files
    of Bandai-Namco.
    """
    rng = np.random.default_rng(seed)
    lines, columns = ['HIERARCHY'], []

    def write(joint, depth):
        name, _, offset = joint
        tab = '\t' * depth
        lines.extend([f'{tab}{"JOINT" if depth else "ROOT"} {name}', tab + '{'])
        lines.append(f'{tab}\tOFFSET {" ".join(map(str, offset))}')
        turns = [f'{axis}rotation' for axis in order]
        shifts = [f'{axis}position' for axis in 'XYZ'] if everywhere or not depth else []
        lines.append(f'{tab}\tCHANNELS {len(shifts + turns)} {" ".join(shifts + turns)} ')
        if shifts:
            walk = np.cumsum(rng.normal(size=(frames, 3)), axis=0) if not depth else 0
            columns.append(np.array(offset) + walk + np.zeros((frames, 3)))
        columns.append(np.cumsum(rng.normal(0, 4, (frames, 3)), axis=0))
        children = [child for child in rig if child[1] == name]
        for child in children:
            write(child, depth + 1)
        if not children:
            lines.extend([tab + '\tEnd Site', tab + '\t{', tab + '\t\tOFFSET 0 1 0', tab + '\t}'])
        lines.append(tab + '}')

    write(rig[0], 0)
    lines += ['MOTION', f'Frames:\t{frames}', *([f'Frame Time:\t{time}'] if time else [])]
    rows = np.concatenate(columns, axis=1)
    lines += [' '.join(f'{value:.6f}' for value in row) for row in rows]
    return '\n'.join([*lines, ''])


def rig_of(joints, positions=None):
    """Return the rig of joints at rest."""
    names = [name for name, _, _ in joints]
    parents = [-1 if parent is None else names.index(parent) for _, parent, _ in joints]
    rest = np.zeros((len(joints), 3))
    for index, (_, _, offset) in enumerate(joints):
        rest[index] = np.array(offset) + (rest[parents[index]] if index else 0)
    return Rig.find(names, parents, rest if positions is None else positions), rest
