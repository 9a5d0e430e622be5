"""Simulated recordings of a first-generation Kinect: 20 joints of one person."""

import numpy as np

from mmcmd.skeletons import KINECT_V1

from ..kinematics import Array, joint
from ..plan import Performance, Plan
from ..recording import record

# The first generation has no neck, hand tips and thumbs, and other names for the trunk.
_RENAMED = {
    'hip_centre': 'spine_base',
    'spine': 'spine_mid',
    'shoulder_centre': 'spine_shoulder',
}
_JOINTS = [joint(_RENAMED.get(name, name)) for name in KINECT_V1.joints]


def record_person(plan: Plan, performance: Performance, bodies: list[Array], camera: int) -> Array:
    """Record an action of one person, without spurious bodies.

    Returns:
        Array: Joints in metres in the order of the layout ``kinect_v1``, (T, 20, 3). Frames in
        which the person was lost are removed.
    """
    tracks = record(plan.seed, performance, bodies, camera)
    # All joints of a ghost are inferred, so the person has the highest mean state.
    performer = max(tracks, key=lambda track: track.states.mean())
    seen = performer.present if performer.present.any() else slice(None)
    return np.ascontiguousarray(performer.joints[seen][:, _JOINTS])
