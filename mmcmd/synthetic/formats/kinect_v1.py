"""What a Kinect of the first generation would have seen: 20 joints of one person."""

import numpy as np

from mmcmd.skeletons import KINECT_V1

from ..kinematics import Array, joint
from ..plan import Performance, Plan
from ..recording import record

# The first generation has no neck, hand tips and thumbs, and names the trunk differently.
_RENAMED = {
    'hip_centre': 'spine_base',
    'spine': 'spine_mid',
    'shoulder_centre': 'spine_shoulder',
}
_JOINTS = [joint(_RENAMED.get(name, name)) for name in KINECT_V1.joints]


def record_person(plan: Plan, performance: Performance, bodies: list[Array], camera: int) -> Array:
    """Record the performer of an action of one person, without spurious bodies.

    Returns:
        Array: Metres, in the order of the layout ``kinect_v1``, (T, 20, 3), without the frames in
        which the performer was lost.
    """
    tracks = record(plan.seed, performance, bodies, camera)
    performer = max(tracks, key=lambda track: track.states.mean())  # all of a ghost is inferred
    seen = performer.present if performer.present.any() else slice(None)
    return np.ascontiguousarray(performer.joints[seen][:, _JOINTS])
