import copy

import numpy as np
import pytest

from mmcmd.skeletons import KINECT_V1, NTU
from mmcmd.synthetic import simulate

# Joints of NTU, which the simulation has, in the order of Kinect v1.
_KINECT = [0, 1, 20, 3, *range(4, 20)]
_ACTIONS, _SUBJECTS = (1, 2, 3), (1, 2, 3, 4, 5, 6)


@pytest.fixture(scope='session')
def simulated():
    """Return 36 sequences (T, 25, 3) of 3 actions and 6 subjects, by (subject, label)."""
    return {
        (subject, label, take): simulate(7, (subject, take, action))[0].astype(np.float32)
        for subject in _SUBJECTS
        for label, action in enumerate(_ACTIONS)
        for take in (1, 2)
    }


@pytest.fixture
def healthy(simulated):
    """Return a function: layout ('ntu' or 'kinect_v1') -> an annotation file without faults.

    Each body faces the sensor, is turned a little and is seen with noise of 5 mm.
    """

    def make(layout='kinect_v1'):
        joints = {KINECT_V1.name: _KINECT, NTU.name: list(range(25))}[layout]
        rng = np.random.default_rng(0)
        samples = []
        for (subject, label, take), body in simulated.items():
            angle = rng.uniform(-0.6, 0.6)
            turn = np.array(
                [
                    [np.cos(angle), 0, np.sin(angle)],
                    [0, 1, 0],
                    [-np.sin(angle), 0, np.cos(angle)],
                ]
            )
            keypoint = body[:, joints] @ turn.T + (0, 0, 3)
            keypoint = keypoint + rng.normal(scale=0.005, size=keypoint.shape)
            samples.append(
                dict(
                    frame_dir=f's{subject}a{label}t{take}',
                    label=label,
                    keypoint=keypoint[None].astype(np.float32),
                    total_frames=len(keypoint),
                    subject=subject,
                )
            )
        halves = {
            half: [x['frame_dir'] for x in samples if (x['subject'] > 4) == (half == 'xsub_val')]
            for half in ('xsub_train', 'xsub_val')
        }
        return copy.deepcopy(dict(annotations=samples, split=halves, layout=layout))

    return make
