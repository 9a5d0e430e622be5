"""The inspection of a file: its contents, its faults, and the official totals."""

import io

import numpy as np
import pytest
from rich.console import Console

from mmcmd.datasets.annotations.inspection import body_findings, inspect_annotations
from mmcmd.datasets.annotations.inspection_tables import print_inspection
from mmcmd.datasets.annotations.official_totals import TOTALS
from mmcmd.datasets.annotations.twins import Leak
from mmcmd.errors import InputError


def sample_of(name, label=0, frames=4, seed=None, persons=1, **more):
    rng = np.random.default_rng(int.from_bytes(name.encode()) if seed is None else seed)
    keypoint = rng.normal(scale=0.2, size=(persons, frames, 25, 3)).astype(np.float32)
    return dict(frame_dir=name, label=label, keypoint=keypoint, total_frames=frames, **more)


def data_of(*samples, **more):
    names = [sample['frame_dir'] for sample in samples]
    split = {'xsub_train': names[::2], 'xsub_val': names[1::2]}
    return dict(split=split, annotations=list(samples)) | more


def told(found):
    """Return the findings without their remedies."""
    return [finding.message for finding in found.findings]


def test_clean_file_is_counted_and_nothing_is_suspicious():
    samples = [sample_of(f's{i}', i % 3, 4 + i, persons=1 + i % 2, subject=i % 4) for i in range(7)]
    samples[1]['keypoint'][1] = 0
    found = inspect_annotations(data_of(*samples, classes=['a', 'b', 'c'], normalized=True))
    assert found.findings == []
    assert found.num_samples == 7
    assert found.splits == {'xsub_train': 4, 'xsub_val': 3}
    assert found.labels == {0: 3, 1: 2, 2: 2}
    assert found.subjects == {0: 2, 1: 2, 2: 2, 3: 1}
    assert found.lengths == (4, 7, 10)
    assert found.persons == {1: 5, 2: 2}
    assert found.classes == {0: 'a', 1: 'b', 2: 'c'}
    assert found.facts == {'layout': '?', 'normalized': 'True'}
    assert (found.empty, found.twins, found.leaks, found.checked) == ([], [], [], [])


def test_twins_across_training_and_test_are_a_leak_and_come_first():
    samples = [sample_of(name) for name in 'abcdef']
    twin = samples[0]['keypoint']  # of sample a; its copy gets a second person of zeros
    samples[3]['keypoint'] = np.concatenate([twin, np.zeros_like(twin)])
    samples[4]['keypoint'] = twin.copy()
    found = inspect_annotations(data_of(*samples))
    assert found.twins == [['a', 'd', 'e']]
    ((train, val, pairs, total),) = found.leaks
    assert (train, val, total) == ('xsub_train', 'xsub_val', 3)
    assert pairs in ([('a', 'd')], [('e', 'd')])
    assert told(found)[0].startswith(
        'LEAK: 1 of 3 (33.3 %) sequences of xsub_val are also in xsub_train, such as'
    )
    assert '1 groups of exact twins, such as a and d' in told(found)


def test_same_name_in_both_halves_is_a_leak_other_splits_are_not():
    samples = [sample_of(name) for name in 'abcd']
    split = {
        **{'train': ['a', 'b'], 'test': ['b', 'c'], 'val': ['d']},
        **{'x_train': ['c'], 'x_val': ['a', 'b', 'd'], 'constrain': ['a']},
    }
    found = inspect_annotations(data_of(*samples, split=split))
    assert found.leaks == [Leak('train', 'test', [('b', 'b')], 2)]
    assert list(map(str, found.findings)) == [
        'LEAK: 1 of 2 (50.0 %) sequences of test are also in train, such as b. Name each sequence '
        'in one of the two splits only'
    ]


def test_all_zero_sequences_are_told_and_no_twins():
    samples = [sample_of(name) for name in 'abc']
    for sample in samples[:2]:
        sample['keypoint'][:] = 0
    found = inspect_annotations(data_of(*samples))
    assert found.empty == ['a', 'b']
    assert found.persons == {0: 2, 1: 1}
    assert found.twins == []
    assert found.leaks == []
    assert told(found) == ['2 of 3 (66.7 %) samples are all zero, such as a']


def test_lists_and_labels_that_do_not_fit_are_told():
    samples = [sample_of('a'), sample_of('b', 3), sample_of('a', 3, seed=5), sample_of('c', 3)]
    samples[3]['keypoint'] = samples[1]['keypoint']
    samples[3]['label'] = 0
    found = inspect_annotations(
        data_of(*samples, split={'train': ['a', 'gone'], 'rest': ['b']}, classes=5)
    )
    assert found.splits == {'train': 1, 'rest': 1}
    assert told(found) == [
        '1 samples have the name of another',
        '1 groups of exact twins, such as b and c',
        '1 groups of twins with different labels, such as b and c',
        '2 classes below 3 have no sample: 1, 2',
        '1 samples are in no split, such as c',
        '1 names in splits have no sample, such as gone',
    ]


def test_absurd_label_does_not_count_to_it():
    found = inspect_annotations(data_of(sample_of('a'), sample_of('b', 10**15), split={}))
    (warning,) = told(found)
    assert warning.startswith(f'{10**15 - 1} classes below {10**15} have no sample: 1, 2, ')
    assert warning.endswith(', 10, ...')


def ntu_of(highest, **more):
    names = ['S001C001P001R001A001', f'S001C001P003R001A{highest:03}']
    samples = [sample_of(name, int(name[-3:]) - 1) for name in names]
    return data_of(*samples, **more)


def test_official_totals_are_compared_where_the_data_set_is_known():
    split = {
        f'{kind}_{half}': [] for kind in ('xsub', 'xview', 'xset') for half in ('train', 'val')
    }
    for highest, checked in ((60, ['ntu60_xsub', 'ntu60_xview']), (59, [])):
        assert inspect_annotations(ntu_of(highest, split=split)).checked == checked
    data = ntu_of(120, split=split)
    assert inspect_annotations(data).checked == ['ntu120_xsub', 'ntu120_xset']
    assert inspect_annotations(data | {'layout': None}).checked == ['ntu120_xsub', 'ntu120_xset']
    assert inspect_annotations(data | {'synthetic': True}).checked == []
    assert inspect_annotations(ntu_of(60)).checked == ['ntu60_xsub']
    assert inspect_annotations(data_of(sample_of('a', 59))).checked == []
    assert inspect_annotations(data_of(sample_of('a'), dataset='ntu60')).checked == ['ntu60_xsub']


def test_difference_from_official_totals_is_named():
    found = inspect_annotations(ntu_of(60))
    assert told(found)[-2:] == [
        'xsub_train has 1 sequences, NTU RGB+D 60 officially 40,091: 40,090 fewer',
        'xsub_val has 1 sequences, NTU RGB+D 60 officially 16,487: 16,486 fewer',
    ]
    found = inspect_annotations(data_of(sample_of('a'), synthetic=True), expect='pkummd2_xsub')
    assert found.checked == ['pkummd2_xsub']
    assert 'PKU-MMD II officially 5,332: 5,331 fewer' in told(found)[-2]


def test_right_totals_are_no_warning(monkeypatch):
    monkeypatch.setitem(TOTALS, 'ntu60_xsub', TOTALS['ntu60_xsub']._replace(train=1, val=0))
    found = inspect_annotations(ntu_of(60))
    assert not any(line.startswith('xsub_train has 1') for line in told(found))
    assert 'xsub_val has 1 sequences, NTU RGB+D 60 officially 0: 1 more' in told(found)


def test_what_cannot_be_inspected_is_told():
    with pytest.raises(InputError, match="no totals of 'kinetics'; there are ntu60_xsub"):
        inspect_annotations(data_of(sample_of('a')), expect='kinetics')
    with pytest.raises(InputError, match='holds no samples'):
        inspect_annotations(data_of())


def test_tables_show_everything_and_take_names_literally():
    samples = [sample_of('[red]a', subject='ann'), sample_of('b', subject=np.int64(3))]
    samples[1]['keypoint'] = samples[0]['keypoint']
    text = io.StringIO()
    data = data_of(*samples, classes=['[bold]walk'])
    print_inspection(inspect_annotations(data), Console(file=text, width=60))
    shown = ' '.join(text.getvalue().split())
    for line in ('0 [bold]walk: 2', 'xsub_train: 1', 'ann: 1', '3: 1', '2 with 1', '4 to 4'):
        assert line in shown
    assert (
        'warning: LEAK: 1 of 1 (100.0 %) sequences of xsub_val are also in xsub_train, such as '
        '[red]a and b. Convert the data again with --drop-twins'
    ) in shown
    text.truncate(0)
    print_inspection(inspect_annotations(data_of(sample_of('a'), split={})), Console(file=text))
    assert 'nothing suspicious' in text.getvalue()


def test_bodies_of_a_large_file_are_looked_at_in_part_and_counted_as_such():
    samples = [sample_of(f's{index:03}', seed=index % 7) for index in range(250)]
    for sample in samples[::50]:  # five of 250 show nobody in half of their frames
        sample['keypoint'][:, 2:] = 0
    found = body_findings(samples, {'layout': 'ntu'}, most=50)
    assert found
    assert all(x.startswith('in a sample of 50 of the 250 sequences: ') for x in found)
    (part,) = [x for x in found if 'show nobody' in x]
    assert ' of 50 (' in part
    (whole,) = [x for x in body_findings(samples, {'layout': 'ntu'}, 250) if 'show nobody' in x]
    assert whole.startswith('5 of 250 (2.0 %) sequences show nobody')
