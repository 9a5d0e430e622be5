"""The results of a checkpoint come only from files that the tools have written beside it."""

import json

import pytest

from mmcmd.errors import InputError
from mmcmd.io.evaluations import find_results, read_results


def write(path, metric, last):
    path.parent.mkdir(parents=True, exist_ok=True)
    entry = {'best': 0.9, 'best_epoch': 1, 'last': last}
    path.write_text(json.dumps({metric: entry}))


@pytest.fixture
def work_dir(tmp_path):
    write(tmp_path / 'results.json', 'knn/top1', 0.1)
    write(tmp_path / 'linear' / 'results.json', 'acc/top1', 0.2)
    write(tmp_path / 'linear_ntu60_xsub_epoch_2' / 'results.json', 'acc/top1', 0.3)
    write(tmp_path / 'knn_ntu60_xsub_epoch_2' / 'test_results.json', 'knn/top1', 0.4)
    write(tmp_path / 'knn_ntu60_xsub_epoch_1' / 'test_results.json', 'knn/top1', 0.5)
    (tmp_path / 'linear_ntu60_xview_epoch_2').mkdir()
    (tmp_path / 'last_checkpoint').write_text('/elsewhere/epoch_2.pth')
    return tmp_path


def last_values(results):
    return {name: entry['last'] for name, x in results.items() for entry in x.values()}


def test_last_checkpoint_has_the_results_of_the_training_and_of_its_evaluations(work_dir):
    assert last_values(find_results(work_dir / 'epoch_2.pth')) == {
        'training': 0.1,
        'linear': 0.2,
        'linear_ntu60_xsub': 0.3,
        'knn_ntu60_xsub': 0.4,
    }


def test_earlier_checkpoint_has_only_its_own(work_dir):
    assert last_values(find_results(work_dir / 'epoch_1.pth')) == {'knn_ntu60_xsub': 0.5}


def test_results_may_be_named_by_file_or_folder(work_dir):
    folder = work_dir / 'linear'
    assert read_results([folder]) == read_results([folder / 'results.json'])


@pytest.mark.parametrize('content', ['{', '[]', '{"knn/top1": 0.5}', '{"knn/top1": {"last": 1}}'])
def test_file_without_results_is_told(tmp_path, content):
    (tmp_path / 'results.json').write_text(content)
    with pytest.raises(InputError, match=r'results\.json is not a results file'):
        read_results([tmp_path])
    with pytest.raises(InputError, match=r'nothing\.json does not exist'):
        read_results([tmp_path / 'nothing.json'])
