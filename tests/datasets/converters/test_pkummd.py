"""PKU-MMD: intervals of long recordings, split lists as published, bad files."""

import numpy as np
import pytest

from mmcmd.datasets.annotations.reading import load_annotations
from mmcmd.datasets.converters import LeftOut, PKUMMDConverter, convert
from mmcmd.datasets.transforms import normalize_skeleton
from mmcmd.errors import InputError
from mmcmd.skeletons import NTU
from mmcmd.synthetic import FORMATS, generate, record, simulate

# As published: a comma after each name, a blank after each heading, and the second heading is
# misspelt.
SUBJECT_LIST = 'Training videos: \n0002-L, 0002-M, 0002-R, \n\nValidataion videos: \n0003-L, \n'


def numbers(frames, seed=0, persons=2):
    rows = np.random.default_rng(seed).normal(size=(frames, 2, 25, 3))
    rows[:, persons:] = 0
    return rows.round(6)


def text(rows, newline='\n'):
    """Write rows as the data set does: blanks between, and before all but the first line."""
    return (
        f'{newline} '.join(
            ' '.join(f'{value:.6f}' for value in row) for row in rows.reshape(len(rows), -1)
        )
        + newline
    )


@pytest.fixture
def make_source(tmp_path):
    def make(files):
        for name, content in files.items():
            (tmp_path / 'pku' / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / 'pku' / name).write_bytes(
                content if isinstance(content, bytes) else content.encode()
            )
        return tmp_path / 'pku'

    return make


def read_all(converter, source):
    return [converter.read(item) for item in converter.scan(source)]


def complaint(source):
    (item,) = PKUMMDConverter().scan(source)
    with pytest.raises(ValueError, match='txt') as caught:
        PKUMMDConverter().read(item)
    assert '\n' not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize('stem', ['0002-L', 'A01N01-R'])
@pytest.mark.parametrize('newline', ['\n', '\r\n'])
def test_labelled_intervals_become_samples(make_source, stem, newline):
    rows = numbers(30)
    source = make_source(
        {
            f'Data/PKU_Skeleton_Renew/{stem}.txt': text(rows, newline),
            f'Label/Train_Label_PKU_final/{stem}.txt': f'51,3,10,2{newline}1, 10, 29, 1{newline}',
        }
    )
    first, second = read_all(PKUMMDConverter(), source)
    assert [first['frame_dir'], second['frame_dir']] == [
        f'{stem}_00003_00010_A051',
        f'{stem}_00010_00029_A001',
    ]
    assert (first['label'], second['label']) == (50, 0)
    for sample, frames in ((first, rows[3:10]), (second, rows[10:29])):
        assert sample['keypoint'].dtype == np.float32
        assert sample['total_frames'] == len(frames)
        np.testing.assert_array_equal(sample['keypoint'], frames.swapaxes(0, 1).astype(np.float32))
        assert f'{sample["recording"]}-{sample["view"]}' == stem


def test_person_who_is_never_there_is_dropped_and_nobody_is_left_out(make_source):
    rows = numbers(30, persons=1)
    rows[10:20] = 0
    rows[20:, 1], rows[20:, 0] = rows[20:, 0].copy(), 0
    source = make_source(
        {'skeleton/0002-L.txt': text(rows), 'label/0002-L.txt': '1,0,10,2\n2,10,20,2\n3,20,30,2'}
    )
    converter = PKUMMDConverter()
    one, nobody, other = converter.scan(source)
    np.testing.assert_array_equal(
        converter.read(one)['keypoint'], rows[None, :10, 0].astype(np.float32)
    )
    with pytest.raises(LeftOut, match=r'0002-L\.txt.*line 2.*ever non-zero'):
        converter.read(nobody)
    np.testing.assert_array_equal(
        converter.read(other)['keypoint'], rows[None, 20:, 1].astype(np.float32)
    )


def test_totals_of_the_authors_can_be_met(tmp_path, make_source):
    """CMD's script keeps empty intervals; recordings outside the training list are for testing."""
    rows = numbers(30)
    rows[10:20] = 0
    stems = ('0002-L', '0003-L', '0004-L')  # the last one is in no list
    source = make_source(
        {f'skeleton/{stem}.txt': text(rows) for stem in stems}
        | {f'label/{stem}.txt': '1,0,10,2\n2,10,20,2\n' for stem in stems}
        | {'cross-subject.txt': SUBJECT_LIST}
    )
    counts = {}
    for like_authors in (None, True):
        out = tmp_path / 'pku.pkl'
        convert('pkummd', source, out, like_authors=like_authors)
        data = load_annotations(out)
        counts[like_authors] = {name: len(x) for name, x in data['split'].items()}
    assert (counts[None]['xsub_train'], counts[None]['xsub_val']) == (1, 1)
    assert (counts[True]['xsub_train'], counts[True]['xsub_val']) == (2, 4)
    empty = next(x for x in data['annotations'] if x['label'] == 1)
    assert empty['keypoint'].shape == (1, 10, 25, 3)
    assert not empty['keypoint'].any()
    assert not normalize_skeleton(empty['keypoint'], NTU).any()


def test_at_most_300_frames_are_kept_and_an_interval_may_end_late(make_source):
    rows = numbers(320)
    source = make_source(
        {'skeleton/0002-L.txt': text(rows), 'label/0002-L.txt': '1,5,311,2\n1,310,400,2'}
    )
    long, late = read_all(PKUMMDConverter(), source)
    np.testing.assert_array_equal(long['keypoint'], rows[5:305].swapaxes(0, 1).astype(np.float32))
    assert late['total_frames'] == 10


@pytest.mark.parametrize(
    'name', ['cross-subject.txt', 'Split/cross_subject.txt', 'Split/cross_subject_v2.txt']
)
@pytest.mark.parametrize('spelling', ['Validataion', 'Validation'])
def test_published_split_lists_are_followed(tmp_path, make_source, name, spelling):
    stems = ['0002-L', '0002-M', '0002-R', '0003-L', '0004-L']
    source = make_source(
        {f'skeleton/{stem}.txt': text(numbers(4)) for stem in stems}
        | {f'label/{stem}.txt': '7,0,4,2\n' for stem in stems}
        | {name: SUBJECT_LIST.replace('Validataion', spelling)}
    )
    convert('pkummd', source, tmp_path / 'pku.pkl', jobs=2)
    splits = load_annotations(tmp_path / 'pku.pkl')['split']
    named = {split: [name[:6] for name in names] for split, names in splits.items()}
    assert named['xsub_train'] == ['0002-L', '0002-M', '0002-R']
    assert named['xsub_val'] == ['0003-L']  # 0004-L is in no list
    assert named['xview_train'] == ['0002-M', '0002-R']  # no list: the views of the paper
    assert named['xview_val'] == ['0002-L', '0003-L', '0004-L']


def test_cross_view_list_replaces_the_default_and_no_list_no_cross_subject(make_source):
    source = make_source(
        {f'skeleton/0002-{view}.txt': text(numbers(4)) for view in 'LMR'}
        | {f'label/0002-{view}.txt': '7,0,4,2\n' for view in 'LMR'}
        | {'cross-view.txt': 'Training videos:\n0002-L\n0002-R\nValidataion videos:\n0002-M'}
    )
    converter = PKUMMDConverter()
    splits = converter.splits(read_all(converter, source))
    assert sorted(splits) == ['xview_train', 'xview_val']
    assert [name[5] for name in splits['xview_train']] == ['L', 'R']
    assert [name[5] for name in splits['xview_val']] == ['M']


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('', 'is not a list of a split'),
        ('0002-L, 0003-L\n', 'is not a list of a split'),
        ('Training videos:\n0002-L\n', 'is not a list of a split'),
        ('Training videos:\nValidataion videos:\n0002-L', 'names no recording to train on'),
        ('Training videos:\n0002-L 7\nValidataion videos:\n', "'7' is not a recording"),
        ('Training videos:\n0002-L\nValidataion videos:\n0002-L', '0002-L is in both halves'),
    ],
)
def test_split_list_that_is_none_is_told(make_source, content, message):
    source = make_source({'skeleton/0002-L.txt': '', 'cross-subject.txt': content})
    with pytest.raises(InputError, match=rf'cross-subject\.txt.*{message}'):
        PKUMMDConverter().scan(source)


@pytest.mark.parametrize(
    ('label', 'message'),
    [
        ('', 'is empty, expected lines class,start,end,confidence'),
        ('1,0,4\n', 'line 1: expected class,start,end,confidence'),
        ('one,0,4,2\n', 'line 1: expected class,start,end,confidence'),
        ('\n0,0,4,2\n', 'line 2: there is no class 0'),
        ('52,0,4,2', 'there is no class 52, classes are 1 to 51'),
        ('1,4,4,2', 'starts at frame 4 and ends at 4'),
        ('1,9,12,2', 'starts at frame 9, the recording has 4'),
    ],
)
def test_label_that_makes_no_sense_is_told(make_source, label, message):
    source = make_source({'skeleton/0002-L.txt': text(numbers(4)), 'label/0002-L.txt': label})
    assert message in complaint(source)


def test_damaged_skeletons_are_told(make_source):
    good = text(numbers(4))
    for content, message in (
        (good[:-30], 'line 4: 14'),
        (good.replace('\n', ' 1.0\n', 1), 'skeleton/0002-L.txt, line 1: 151 fields, expected 150'),
        (good[: good.rindex(' ')] + ' nan\n', 'NaN or infinite'),
        (good[: good.rindex(' ')] + ' abc\n', "expected a number, got 'abc'"),
        ('', 'the recording has 0'),
        (b'\x00\xff' * 50, 'line 1: 1 fields'),
        (good.replace('.', '\0', 1), 'control characters'),
    ):
        source = make_source({'skeleton/0002-L.txt': content, 'label/0002-L.txt': '1,0,4,2'})
        found = complaint(source)
        assert message in found
        assert 'skeleton/0002-L.txt' in found


def test_one_without_the_other_and_doubles_are_skipped_and_named(tmp_path, make_source):
    good = text(numbers(4))
    source = make_source(
        {
            'skeleton/0002-L.txt': good,
            'label/0002-L.txt': '1,0,4,2',
            'old/0002-L.txt': good,
            'skeleton/0003-L.txt': good,
            'label/0004-L.txt': '1,0,4,2',
            'README.txt': 'not a recording',
        }
    )
    summary = convert('pkummd', source, tmp_path / 'pku.pkl')
    assert len(summary.annotations) == 1
    report = (tmp_path / 'pku.report.txt').read_text()
    assert f'{source}/skeleton/0002-L.txt: same recording as {source}/old/0002-L.txt' in report
    assert f'{source}/skeleton/0003-L.txt: there is no label file 0003-L.txt' in report
    assert f'{source}/label/0004-L.txt: there is no skeleton file 0004-L.txt' in report


def test_source_that_is_no_such_data_set_is_told(tmp_path, make_source):
    source = make_source({'README.txt': 'nothing'})
    with pytest.raises(InputError, match=r'no recording such as 0002-L\.txt'):
        PKUMMDConverter().scan(source)
    with pytest.raises(InputError, match='is a file, expected a folder'):
        PKUMMDConverter().scan(source / 'README.txt')


def test_synthetic_recordings_are_cut_back_into_the_performances(tmp_path):
    plan = FORMATS['pkummd'].plan(subjects=2, actions=5)
    generate(tmp_path / 'raw', plan, fmt='pkummd')
    convert('pkummd', tmp_path / 'raw', tmp_path / 'a.pkl', strict=True)
    data = load_annotations(tmp_path / 'a.pkl')
    assert data['synthetic'] is True
    assert {name: len(samples) for name, samples in data['split'].items()} == {
        'xsub_train': 15,
        'xsub_val': 15,
        'xview_train': 20,
        'xview_val': 10,
    }
    for label in range(5):
        (sample,) = (
            sample
            for sample in data['annotations']
            if (sample['recording'], sample['view'], sample['label']) == ('0002', 'M', label)
        )
        performance = (2, 1, label + 1)
        tracks = record(plan.seed, performance, simulate(plan.seed, performance), 2)
        assert sample['total_frames'] == len(tracks[0].present)
        time = int(np.flatnonzero(tracks[0].present)[0])
        np.testing.assert_allclose(sample['keypoint'][0, time], tracks[0].joints[time], atol=1e-6)
