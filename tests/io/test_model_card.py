"""The model card names the training, its data, the measured results and the licence."""

import pytest
import yaml

from mmcmd.io.checkpoint import load_plain
from mmcmd.io.evaluations import find_results
from mmcmd.io.model_card import write_card
from mmcmd.io.publish import published


@pytest.fixture
def meta(pretrained):
    checkpoint = pretrained / 'epoch_2.pth'
    meta = published(load_plain(str(checkpoint), 'cpu'), 'x')['meta']
    meta['encoder']['data']['licence'] = 'ask'
    return meta | {
        'results': find_results(checkpoint),
        'licence': {'data': 'academic research only'},
    }


def test_card_is_filled_from_the_run(meta):
    card = write_card('cmd-ntu60', meta, 'me/cmd-ntu60')
    _, header, text = card.split('---\n', 2)
    for part in (
        '# cmd-ntu60\n',
        "model = init_model('me/cmd-ntu60')",
        '| joints | ntu, 25 joints |',
        '| frames of a clip | 64 |',
        '| stream `bone` | bone, BiGRU(hidden_size=4,',
        '| method | CMD |',
        '| data | ntu60_xsub |',
        '| epochs | 2 |',
        '| steps | 6 |',
        '| seed | 42 |',
        '- data (ntu60_xsub): academic research only',
        '- weights: not stated',
    ):
        assert part in text, part
    knn = meta['results']['training']['knn/motion_top1']
    numbers = f'{100 * knn["last"]:.1f} | {100 * knn["best"]:.1f} | {knn["best_epoch"]}'
    assert f'| training | `knn/motion_top1` | {numbers} |' in text
    metadata = yaml.safe_load(header)
    assert metadata['library_name'] == 'mmcmd'
    assert metadata['license'] == 'other'


def test_card_without_results_or_licence_says_so(meta):
    del meta['results'], meta['licence']
    card = write_card('x', meta)
    assert 'Nothing was measured' in card
    assert '- data (ntu60_xsub): not recorded; ask the publisher of the data' in card
    assert 'model-index' not in card


def test_card_of_synthetic_data_warns(meta):
    assert 'SYNTHETIC' not in write_card('x', meta)
    assert 'Trained on SYNTHETIC stand-in data' in write_card('x', meta | {'synthetic': True})


def test_names_out_of_a_data_file_stay_in_their_line(meta):
    meta['encoder']['classes'] = ['wave', '| a |\n---\n<script>']
    assert 'Classes: 0 wave, 1 / a / --- &lt;script>\n' in write_card('x', meta)


def test_hub_understands_the_metadata(meta):
    huggingface_hub = pytest.importorskip('huggingface_hub')
    card = huggingface_hub.ModelCard(write_card('cmd', meta | {'licence': {'weights': 'mit'}}))
    assert card.data.library_name == 'mmcmd'
    assert card.data.license == 'mit'
    found = {result.metric_name: result.metric_value for result in card.data.eval_results}
    knn = meta['results']['training']['knn/top1']['last']
    assert found['knn/top1 (last)'] == pytest.approx(100 * knn, abs=0.01)
    assert {result.dataset_name for result in card.data.eval_results} == {'ntu60_xsub'}
