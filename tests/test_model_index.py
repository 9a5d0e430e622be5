"""`model-index.yml`, in OpenMMLab's format, says what the configs say."""

from pathlib import Path

import pytest
import yaml
from mmengine.config import Config

from mmcmd.apis import init_model
from mmcmd.reproduction.complexity import encoder_complexity
from mmcmd.skeletons import get_layout

ROOT = Path(__file__).parents[1]
INDEX = yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']
FILES = [yaml.safe_load((ROOT / path).read_text()) for path in INDEX]
MODELS = {model['Name']: model for file in FILES for model in file['Models']}
COLLECTIONS = {collection['Name'] for file in FILES for collection in file['Collections']}


def test_every_pre_training_config_is_there_once():
    paths = [path for folder in ('cmd', 'moco') for path in ROOT.glob(f'configs/{folder}/*.py')]
    found = [model['Config'] for file in FILES for model in file['Models']]
    assert sorted(found) == sorted(path.relative_to(ROOT).as_posix() for path in paths)
    assert sorted(INDEX) == ['configs/cmd/metafile.yml', 'configs/moco/metafile.yml']


@pytest.mark.parametrize('name', MODELS)
def test_metadata_is_that_of_the_config(name):
    model = MODELS[name]
    assert Path(model['Config']).stem == name
    assert model['In Collection'] in COLLECTIONS
    assert 'Weights' not in model, 'none are released'
    config, metadata = Config.fromfile(ROOT / model['Config']), model['Metadata']
    assert metadata['Batch Size'] == config.train_dataloader.batch_size
    assert metadata['Epochs'] == config.train_cfg.max_epochs
    modalities = config.model.get('modalities', ('joint', 'motion', 'bone'))
    assert metadata['Modalities'] == list(modalities)
    for result in model.get('Results', ()):
        assert result['Dataset'] == metadata['Training Data']
        assert all('(paper, Table ' in metric for metric in result['Metrics'])


@pytest.mark.parametrize('name', ['moco_bigru_utdmhad_xsub', 'moco_bigru_nwucla_xsub'])
def test_parameters_and_flops_are_measured(name):
    metadata, config = MODELS[name]['Metadata'], Config.fromfile(ROOT / MODELS[name]['Config'])
    backbone, layout = config.model.backbone, get_layout(config.layout)
    shape = backbone.get('num_person', 2), 64, layout.num_joints, 3
    (encoder,) = encoder_complexity(init_model(config), shape).values()
    units = {'K': 1e3, 'M': 1e6, 'G': 1e9}
    for key, value in (('Parameters', encoder.params), ('FLOPs', encoder.flops)):
        text = metadata[key]
        assert float(text[:-1]) * units[text[-1]] == pytest.approx(value, rel=1e-3), key
