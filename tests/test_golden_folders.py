"""Folders of recordings that the harness cannot run, or can run only in part."""

import numpy as np
import pytest

from mmcmd.errors import InputError
from tests.golden import harness
from tests.golden.recordings import Recording


def write(folder, *names):
    for name in names:
        np.savez(folder / f'{name}.npz', input=np.zeros(1))
    return folder


def test_what_no_method_can_run_is_skipped(tmp_path):
    write(tmp_path, 'simclr_train', 'simclr_eval', 'gfp_train', 'gfp_masks', 'aimclr_train')
    recordings, skipped = harness.load(tmp_path)
    assert [x.name for x in recordings] == ['aimclr']
    assert sorted(skipped) == ['gfp_masks', 'gfp_train', 'simclr_eval', 'simclr_train']


@pytest.mark.parametrize(
    ('files', 'names', 'message'),
    [
        ([], [], 'holds no recordings'),
        (['gfp_train'], [], 'holds recordings, but none of cmd, '),
        (['cmd_train'], ['simclr'], "no method of this package runs recordings of 'simclr'"),
        (['cmd_train', 'gfp_train'], ['gfp'], "no method .* runs recordings of 'gfp'"),
        (['cmd_train'], ['aimclr'], 'has no recording of aimclr; .* it has cmd$'),
    ],
)
def test_what_cannot_be_run_is_told(tmp_path, files, names, message):
    with pytest.raises(InputError, match=message):
        harness.load(write(tmp_path, *files), names)


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('frame50_transforms', "has no array 'noise/noise'"),
        ('skeletonclr_train', "does not say 'key_momentum_kept'"),
        ('cmd_train', 'needs cmd_init.pth.tar beside it'),
    ],
)
def test_recording_that_lacks_something_is_told(tmp_path, name, message):
    np.savez(tmp_path / f'{name}.npz', input=np.zeros((1, 2, 3, 3)))
    (found,), _ = harness.load(tmp_path)
    with pytest.raises(InputError, match=message):
        harness.runner_of(found.name)(found)


def test_damaged_recording_is_told(tmp_path):
    (tmp_path / 'cmd_train.npz').write_bytes(b'no arrays')
    with pytest.raises(InputError, match=r'cmd_train\.npz is no readable file'):
        Recording(tmp_path / 'cmd_train.npz')['steps']
