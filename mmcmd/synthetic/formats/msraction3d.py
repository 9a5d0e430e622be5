"""The text files of MSR-Action3D: ``MSRAction3DSkeletonReal3D/a01_s01_e01_skeleton3D.txt``."""

from collections.abc import Iterator, Sequence

from mmcmd.datasets.converters import msraction3d
from mmcmd.skeletons import KINECT_V1

from ..plan import Plan
from ..recording import simulate
from .base import SOLO, Format, Unit
from .kinect_v1 import record_person

_ORDER = [KINECT_V1.joints.index(name) for name in msraction3d.JOINTS]
_MIRROR = (-1, 1, 1)  # in the published files, x points to the right of the image


class MSRAction3DFormat(Format):
    """One file per performance, from the frontal camera or else the first planned camera."""

    title = 'MSR-Action3D'
    actions = SOLO[: len(msraction3d.CLASSES)]
    limits = {'subjects': 99, 'replications': 99}  # noqa: RUF012

    def names(self, plan: Plan, unit: Unit) -> list[str]:
        """Return the name of the file."""
        ((subject, replication, number),) = unit
        action = self.actions.index(number) + 1
        stem = f'a{action:02}_s{subject:02}_e{replication:02}'
        return [f'MSRAction3DSkeletonReal3D/{stem}{msraction3d.SUFFIX}']

    def contents(self, plan: Plan, unit: Unit, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Record the performance, and return the file."""
        (performance,) = unit
        camera = 2 if 2 in plan.cameras else plan.cameras[0]
        bodies = simulate(plan.seed, performance)
        joints = record_person(plan, performance, bodies, camera)[:, _ORDER] * _MIRROR
        rows = joints.reshape(-1, 3).tolist()
        lines = [f'{x:.7f} {y:.7f} {z:.7f} 1.0' for x, y, z in rows]
        for name in names:
            yield name, ('\r\n'.join(lines) + '\r\n').encode()
