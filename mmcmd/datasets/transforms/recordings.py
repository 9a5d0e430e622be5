"""Check a recording that did not come out of an annotation file."""

from mmcmd.datasets.annotations.reading import keypoint_fault
from mmcmd.errors import InputError
from mmcmd.skeletons import get_layout


def check_recording(results: dict) -> None:
    """Check the coordinates of a sample before the first computation with them.

    A data set has checked its file already. A recording that somebody gives to a pipeline from
    Python was not checked. numpy would fail in words of its own, or compute with NaN.

    Args:
        results (dict): ``keypoint`` (M, T, V, C), and perhaps ``layout`` and ``frame_dir``.

    Raises:
        InputError: If the array has another rank, no frame, NaN, or not the joints of the layout.
    """
    layout = results.get('layout')
    num_joints = None if layout is None else get_layout(layout).num_joints
    if fault := keypoint_fault(results['keypoint'], num_joints):
        name = results.get('frame_dir', 'the sample')
        raise InputError(f'{name}: {fault}; mend the recording, or leave it out')
