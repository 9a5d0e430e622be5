"""The MATLAB files of UTD-MHAD: ``Skeleton/a1_s1_t1_skeleton.mat``."""

from collections.abc import Iterator, Sequence
from io import BytesIO

import scipy.io

from mmcmd.datasets.converters import utdmhad
from mmcmd.skeletons import KINECT_V1

from ..plan import Plan
from ..recording import simulate
from .base import SOLO, Format, Unit
from .kinect_v1 import record_person

_ORDER = [KINECT_V1.joints.index(name) for name in utdmhad.JOINTS]
# The first 116 bytes are free text. This replaces the default text, which has the time of writing.
_HEADER = b'MATLAB 5.0 MAT-file, synthetic data'.ljust(116)


class UTDMHADFormat(Format):
    """One file per performance, from the frontal camera or else the first planned camera."""

    title = 'UTD-MHAD'
    actions = SOLO[: utdmhad.ACTIONS]

    def names(self, plan: Plan, unit: Unit) -> list[str]:
        """Return the name of the file."""
        ((subject, replication, number),) = unit
        action = self.actions.index(number) + 1
        return [f'Skeleton/a{action}_s{subject}_t{replication}{utdmhad.SUFFIX}']

    def contents(self, plan: Plan, unit: Unit, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Record the performance, and return the file."""
        (performance,) = unit
        camera = 2 if 2 in plan.cameras else plan.cameras[0]
        bodies = simulate(plan.seed, performance)
        skeleton = record_person(plan, performance, bodies, camera)[:, _ORDER]
        file = BytesIO()
        scipy.io.savemat(file, {utdmhad.VARIABLE: skeleton.transpose(1, 2, 0)})
        for name in names:
            yield name, _HEADER + file.getvalue()[len(_HEADER) :]
