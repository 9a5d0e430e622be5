"""The JSON files of Northwestern-UCLA: ``all_sqe/a08_s01_e00_v01.json``."""

import json
from collections.abc import Iterator, Sequence

from mmcmd.datasets.converters import nwucla

from ..plan import Plan
from ..recording import simulate
from .base import SOLO, Format, Unit
from .kinect_v1 import record_person


class NWUCLAFormat(Format):
    """One file per performance and camera (the view). Replications are the environments."""

    title = 'Northwestern-UCLA'
    actions = SOLO[: len(nwucla.ACTIONS)]
    limits = {'subjects': nwucla.SUBJECTS, 'replications': 100}  # noqa: RUF012

    def names(self, plan: Plan, unit: Unit) -> list[str]:
        """Return the names of the files, one per camera."""
        return list(self._files(plan, unit))

    def contents(self, plan: Plan, unit: Unit, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Record the performance with the cameras of the given files."""
        cameras = self._files(plan, unit)
        (performance,) = unit
        bodies = simulate(plan.seed, performance)
        for name in names:
            skeletons = record_person(plan, performance, bodies, cameras[name])
            data = {
                'file_name': name.removeprefix('all_sqe/').removesuffix('.json'),
                'skeletons': skeletons.round(6).tolist(),
                'label': self.actions.index(performance[2]) + 1,
            }
            yield name, json.dumps(data).encode()

    def _files(self, plan: Plan, unit: Unit) -> dict[str, int]:
        ((subject, replication, number),) = unit
        action = nwucla.ACTIONS[self.actions.index(number)]
        return {
            f'all_sqe/a{action:02}_s{subject:02}_e{replication - 1:02}_v{view:02}.json': view
            for view in plan.cameras
        }
