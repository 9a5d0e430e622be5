"""Check a recording that does not come from an annotation file."""

from mmcmd.datasets.annotations.reading import keypoint_fault
from mmcmd.errors import InputError
from mmcmd.skeletons import get_layout


def check_recording(results: dict) -> None:
    """Check the coordinates of a sample before the first computation with them.

    A data set checks its file when it is opened. An array that a user passes to a pipeline in
    Python is not checked yet. Without this check, numpy would raise an unclear error, or compute
    with NaN.

    Args:
        results (dict): ``keypoint`` (M, T, V, C), and perhaps ``layout`` and ``frame_dir``.

    Raises:
        InputError: If the array does not have four axes, has no frame or holds NaN, or its joints
            are not those of the layout.
    """
    layout = results.get('layout')
    num_joints = None if layout is None else get_layout(layout).num_joints
    if fault := keypoint_fault(results['keypoint'], num_joints):
        name = results.get('frame_dir', 'the sample')
        raise InputError(f'{name}: {fault}; mend the recording, or leave it out')


def check_raw(results: dict, transform: str) -> None:
    """Refuse a sample of a file that was converted with ``--normalize``.

    Args:
        results (dict): Sample, perhaps with ``normalized`` and ``frame_dir``.
        transform (str): Name of the transform that needs raw coordinates.

    Raises:
        InputError: If the sample is normalised.
    """
    if results.get('normalized'):
        name = results.get('frame_dir', 'the sample')
        raise InputError(
            f'{name} was normalised when its file was converted, with all persons centred on the '
            f'first; {transform} needs raw coordinates: convert without --normalize'
        )
