"""NTU `.skeleton` files: the fast parser against plain code, persons, splits, bad files."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmcmd.datasets.converters import Item, LeftOut, NTUConverter
from mmcmd.datasets.converters.ntu import SampleName, read_skeleton, select_persons
from mmcmd.datasets.converters.tokens import Tokens
from mmcmd.errors import InputError

NAME = 'S001C002P003R002A013'


def read_line_by_line(path):
    """Read a file as its description says, one line at a time."""
    lines = iter(path.read_text().splitlines())
    frames = []
    for _ in range(int(next(lines))):
        bodies = []
        for _ in range(int(next(lines))):
            assert len(next(lines).split()) == 10
            bodies.append(
                [[float(v) for v in next(lines).split()[:3]] for _ in range(int(next(lines)))]
            )
        frames.append(bodies)
    keypoint = np.zeros((4, len(frames), 25, 3), np.float32)
    for t, bodies in enumerate(frames):
        for m, body in enumerate(bodies[:4]):
            keypoint[m, t] = body
    return keypoint[:, :300]


@pytest.mark.parametrize('newline', ['\n', '\r\n'])
@pytest.mark.parametrize('number', ['{:.7g}', '{:e}', '{:+.3f}', '{:.17g}', '{:.0f}'])
def test_fast_parser_equals_a_plain_one(tmp_path, make_text, random_frames, newline, number):
    path = tmp_path / 'a.skeleton'
    frames = random_frames([1, 0, 2, 6, 3, 1])
    frames[0][0] *= 1e-4  # so small that %g writes exponents
    path.write_bytes(make_text(frames, newline, number).encode())
    keypoint = read_skeleton(path)
    assert keypoint.dtype == np.float32
    np.testing.assert_array_equal(keypoint, read_line_by_line(path))
    assert not keypoint[:, 1].any()


def test_at_most_300_frames_are_kept(tmp_path, make_text, random_frames):
    path = tmp_path / 'a.skeleton'
    path.write_text(make_text(random_frames([1] * 302)))
    keypoint = read_skeleton(path)
    assert keypoint.shape == (4, 300, 25, 3)
    np.testing.assert_array_equal(keypoint, read_line_by_line(path))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.floats(allow_nan=False, allow_infinity=False).map(repr)
        | st.decimals(-9999, 9999, places=7).map(str)
        | st.from_regex(r'-?([0-9]{1,20}\.?[0-9]{0,20}|\.[0-9]{1,8})', fullmatch=True),
        min_size=1,
    )
)
def test_bulk_numbers_equal_float_to_the_last_bit(words):
    values = Tokens(' '.join(words).encode()).floats(np.arange(len(words)))
    np.testing.assert_array_equal(values, [float(word) for word in words])


def test_long_texts_of_mixed_numbers_keep_order_and_shape():
    words = [('{:.7g}', '{:e}', '{:.17g}')[n % 3].format(n / 7 - 999) for n in range(15_000)]
    values = Tokens(' '.join(words).encode()).floats(np.arange(15_000)[::-1].reshape(3, -1))
    expected = np.array([float(word) for word in words])[::-1].reshape(3, -1)
    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize('word', ['-', '.', '-.', '1.2.3', '1-2', '--1', '0x10', 'abc', '1,5'])
def test_word_that_is_no_number_is_told(word):
    with pytest.raises(ValueError, match='expected a number, got ' + re.escape(repr(word))):
        Tokens(f'1.5 {word} 2.5'.encode()).floats(np.arange(3))


def brute_force_energy(body):
    frames = [frame for frame in body.astype(np.float64) if np.abs(frame).sum() > 0]
    energy = 0.0
    for axis in range(3):
        values = [joint[axis] for frame in frames for joint in frame]
        mean = sum(values) / len(values)
        energy += (sum((v - mean) ** 2 for v in values) / len(values)) ** 0.5
    return energy


def test_two_most_energetic_bodies_are_kept_in_that_order():
    rng = np.random.default_rng(0)
    scale = np.array([1.0, 0.5, 3.0, 2.0])[:, None, None, None]
    bodies = (scale * rng.normal(size=(4, 6, 25, 3))).astype(np.float32)
    bodies[2, 1:] = 0  # visible in one frame only; the empty frames must not lower its energy
    bodies[3, ::2] = 0
    energies = [brute_force_energy(body) for body in bodies]
    expected = bodies[np.argsort(energies)[::-1][:2]]
    np.testing.assert_array_equal(select_persons(bodies), expected)
    np.testing.assert_array_equal(expected, bodies[[2, 3]])


def test_bodies_are_told_apart_by_position_and_empty_ones_dropped(tmp_path, make_text):
    still, moving = np.ones((25, 3)), np.random.default_rng(0).normal(size=(25, 3))
    path = tmp_path / f'{NAME}.skeleton'
    path.write_text(make_text([[np.zeros((25, 3)), still], [np.zeros((25, 3)), moving]]))
    annotation = NTUConverter().read(Item('', path))
    assert annotation['keypoint'].shape == (1, 2, 25, 3)
    np.testing.assert_array_equal(annotation['keypoint'][0, 0], still)


def test_annotation_says_what_the_name_says(make_folder):
    source = make_folder({f'sub/{NAME}.skeleton': None})
    (item,) = NTUConverter().scan(source)
    annotation = NTUConverter().read(item)
    keypoint = annotation.pop('keypoint')
    assert (keypoint.shape, keypoint.dtype) == ((2, 3, 25, 3), np.float32)
    assert annotation == dict(
        frame_dir=NAME,
        label=12,
        total_frames=3,
        setup=1,
        camera=2,
        subject=3,
        replication=2,
        action=13,
    )


def broken_texts(make_text, frames):
    whole = make_text(frames)
    lines = whole.splitlines()
    yield 'empty', '', 'empty'
    yield 'blank', ' \r\n\0\0', 'empty'
    yield 'no frames', '0\n', 'no body in any of 0 frames'
    yield 'no bodies', '2\n0\n0\n', 'no body in any of 2 frames'
    yield 'all zero', make_text([[np.zeros((25, 3))]] * 2), 'missing skeleton'
    yield 'cut in a frame', '\n'.join(lines[:-3]), '2 whole frames of 3 claimed'
    yield 'cut in a line', whole[: len(whole) - 30], '2 whole frames of 3 claimed'
    yield 'cut after a frame', '\n'.join(lines[: 1 + 2 * 28]), '2 whole frames of 3 claimed'
    yield 'huge frame count', '999999999\n' + '\n'.join(lines[1:]), '3 whole frames of 999999999'
    yield 'huge body count', '1\n999999999\n' + '\n'.join(lines[2:]), 'frame 1: |0 whole frames'
    yield 'absurd count', '9' * 5000 + '\n', 'expected a count'
    yield 'negative count', '-3\n' + '\n'.join(lines[1:]), "expected a count, got '-3'"
    yield (
        '20 joints',
        '\n'.join([*lines[:3], '20', *lines[4:24]]),
        "frame 1: .* 25 joints, got '20'",
    )
    yield 'more than claimed', whole + '1 2 3\n', '3 fields follow the 3 frames'
    yield 'word', whole.replace(lines[5].split()[1], 'oops', 1), "expected a number, got 'oops'"
    for value in ('nan', 'inf', '-Infinity', '1e39'):
        text = whole.replace(lines[40].split()[2], value, 1)
        yield value, text, 'frame 2: a coordinate is NaN or infinite'
    yield 'binary', bytes(range(256)) * 8, 'expected a count'


BROKEN = [name for name, _, _ in broken_texts(lambda *_: 'x 1 2 3\n' * 99, [])]


@pytest.mark.parametrize('case', BROKEN)
def test_broken_file_is_named_with_what_was_expected(make_folder, make_text, random_frames, case):
    texts = {name: rest for name, *rest in broken_texts(make_text, random_frames([1, 1, 1]))}
    text, message = texts[case]
    (item,) = NTUConverter().scan(make_folder({f'{NAME}.skeleton': text}))
    with pytest.raises(ValueError, match=rf'{NAME}\.skeleton: .*({message})') as caught:
        NTUConverter().read(item)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('name', ['walk', 'S001C001P001R001A000', 'S1C1P1R1A1', NAME + '_old'])
def test_name_that_does_not_parse_is_told(make_folder, name):
    assert SampleName.parse(name) is None
    (item,) = NTUConverter().scan(make_folder({f'{name}.skeleton': None}))
    with pytest.raises(ValueError, match=r'expected a name such as S001C002P003R002A013'):
        NTUConverter().read(item)


def annotation(setup, camera, subject):
    name = f'S{setup:03}C{camera:03}P{subject:03}R001A001'
    return dict(frame_dir=name, setup=setup, camera=camera, subject=subject)


def test_splits_are_the_published_ones():
    everyone = [annotation(s % 32 + 1, s % 3 + 1, s) for s in range(1, 107)]
    splits = NTUConverter().splits(everyone)
    assert sorted(splits) == [
        f'x{kind}_{half}' for kind in ('set', 'sub', 'view') for half in ('train', 'val')
    ]
    subjects = sorted(int(name[9:12]) for name in splits['xsub_train'])
    assert (len(subjects), len([s for s in subjects if s <= 40])) == (53, 20)
    assert subjects[:5] == [1, 2, 4, 5, 8]
    assert subjects[-3:] == [98, 100, 103]
    assert {name[4:8] for name in splits['xview_train']} == {'C002', 'C003'}
    assert {name[4:8] for name in splits['xview_val']} == {'C001'}
    assert all(int(name[1:4]) % 2 == 0 for name in splits['xset_train'])
    assert all(int(name[1:4]) % 2 == 1 for name in splits['xset_val'])
    for kind in ('xsub', 'xview', 'xset'):
        both = splits[f'{kind}_train'] + splits[f'{kind}_val']
        assert sorted(both) == sorted(a['frame_dir'] for a in everyone)


def test_listed_samples_are_left_out(tmp_path, make_folder):
    missing = tmp_path / 'missing.txt'
    missing.write_text(
        f'The following samples are incomplete:\n\n# two\n {NAME}.skeleton # why\r\n'
    )
    source = make_folder({f'{NAME}.skeleton': None, 'S001C001P001R001A001.skeleton': None})
    converter = NTUConverter(missing=missing)
    other, listed = converter.scan(source)
    assert converter.read(other)['frame_dir'] == 'S001C001P001R001A001'
    with pytest.raises(LeftOut, match='list of samples with missing skeletons'):
        converter.read(listed)


def test_list_that_is_absent_or_names_nothing_is_told(tmp_path):
    with pytest.raises(InputError, match='there is no list of missing samples'):
        NTUConverter(missing=tmp_path / 'no.txt')
    (tmp_path / 'empty.txt').write_text('# nothing\n')
    with pytest.raises(InputError, match='names no sample'):
        NTUConverter(missing=tmp_path / 'empty.txt')


def test_actions_are_a_choice_not_a_failure(make_folder):
    source = make_folder({f'S001C001P001R001A{a:03}.skeleton': None for a in (1, 5, 60, 61, 120)})

    def kept(text):
        return [int(item.name[-12:-9]) for item in NTUConverter(actions=text).scan(source)]

    assert kept('1-60') == [1, 5, 60]
    assert kept('5, 61-120') == [5, 61, 120]


@pytest.mark.parametrize('text', ['60-1', '0-3', 'a', '1-', '1,,2', '1-9999999999'])
def test_actions_that_make_no_sense_are_told(text):
    with pytest.raises(InputError, match='expected something like 1-60'):
        NTUConverter(actions=text)
