import numpy as np
import pytest

from mmcmd.datasets.transforms import JointCorruption, JointMask, Shear


@pytest.fixture
def keypoint():
    return np.random.default_rng(0).normal(size=(2, 6, 25, 3)).astype(np.float32)


def apply(transform, keypoint, seed):
    given = keypoint.copy()
    result = transform({'keypoint': keypoint, 'rng': np.random.default_rng(seed)})['keypoint']
    assert np.array_equal(keypoint, given), 'the input is shared by the views'
    assert result.dtype == np.float32
    return result


def linear_map(before, after):
    """Return the matrix A of ``after = before @ A``, and check that there is one."""
    before, after = before.reshape(-1, 3), after.reshape(-1, 3)
    matrix = np.linalg.lstsq(before, after, rcond=None)[0]
    np.testing.assert_allclose(before @ matrix, after, atol=1e-4)
    return matrix


def test_shear_is_one_matrix_with_unit_diagonal(keypoint):
    matrices = np.array(
        [linear_map(keypoint, apply(Shear(beta=0.5), keypoint, seed)) for seed in range(300)]
    )
    np.testing.assert_allclose(matrices[:, range(3), range(3)], 1, atol=1e-5)
    off_diagonal = matrices[:, ~np.eye(3, dtype=bool)]
    assert 0.49 < np.abs(off_diagonal).max() <= 0.5 + 1e-5
    # U(-0.5, 0.5): the entries are independent, and each has mean 0.
    assert np.abs(off_diagonal.mean(axis=0)).max() < 0.08
    np.testing.assert_allclose(off_diagonal.std(axis=0), 0.5 / 3**0.5, rtol=0.15)
    correlation = np.corrcoef(off_diagonal.T) - np.eye(6)
    assert np.abs(correlation).max() < 0.25


def test_corruption_spoils_15_of_25_joints_in_all_frames_and_persons(keypoint):
    kinds, chosen, entries = [], np.zeros(25), []
    for seed in range(400):
        result = apply(JointCorruption(), keypoint, seed)
        spoilt = (result != keypoint).any(axis=-1)  # (M, T, V)
        assert (spoilt == spoilt[0, 0]).all(), 'the same joints everywhere'
        joints = np.flatnonzero(spoilt[0, 0])
        assert len(joints) == 15
        chosen[joints] += 1
        kinds.append('zero' if not result[:, :, joints].any() else 'mixed')
        if kinds[-1] == 'mixed':
            entries.append(linear_map(keypoint[:, :, joints], result[:, :, joints]))
    assert kinds.count('zero') / 400 == pytest.approx(0.5, abs=0.1)
    # All joints are equally likely: 240 of 400 expected, standard deviation 10.
    assert np.abs(chosen - 240).max() < 50
    entries = np.array(entries)
    assert 0.97 < np.abs(entries).max() <= 1 + 1e-4
    np.testing.assert_allclose(entries.std(axis=0), 1 / 3**0.5, rtol=0.2)


def test_probability_of_zeroing_is_an_option(keypoint):
    for zero_prob in (0, 1):
        transform = JointCorruption(ratio=1.0, zero_prob=zero_prob)
        assert [apply(transform, keypoint, seed).any() for seed in range(20)] == [
            not zero_prob
        ] * 20


def test_joints_are_masked_in_frames_that_need_not_follow_each_other():
    keypoint = np.ones((2, 120, 25, 3), np.float32)
    shapes, gaps = set(), False
    for seed in range(40):
        masked = apply(JointMask(), keypoint, seed) == 0
        frames, joints = masked.any(axis=(0, 2, 3)), masked.any(axis=(0, 1, 3))
        assert np.array_equal(
            masked, np.broadcast_to(frames[:, None, None] & joints[:, None], masked.shape)
        )
        shapes.add((int(frames.sum()), int(joints.sum())))
        gaps |= (np.diff(np.flatnonzero(frames)) > 1).any()
    assert gaps
    assert all(50 <= frames <= 100 and 5 <= joints <= 15 for frames, joints in shapes)
    assert len(shapes) > 20
    short = apply(JointMask(), keypoint[:, :60], 0) == 0
    assert 20 <= short.any(axis=(0, 2, 3)).sum() <= 50
