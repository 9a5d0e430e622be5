"""`model-index.yml` has OpenMMLab's format and agrees with the configs."""

import re
from pathlib import Path

import pytest
import yaml

from mmcmd.apis import init_model, load_config
from mmcmd.config_files import split_name
from mmcmd.reproduction.complexity import encoder_complexity
from mmcmd.reproduction.papers import TABLES
from mmcmd.skeletons import get_layout

ROOT = Path(__file__).parents[1]
INDEX = yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']
FILES = [yaml.safe_load((ROOT / path).read_text()) for path in INDEX]
MODELS = {model['Name']: model for file in FILES for model in file['Models']}
COLLECTIONS = {collection['Name'] for file in FILES for collection in file['Collections']}


def test_every_config_of_an_encoder_and_data_set_is_there_once():
    found = [model['Config'] for file in FILES for model in file['Models']]
    paths = [path for path in ROOT.glob('configs/[!_]*/*.py') if all(split_name(path))]
    assert sorted(found) == sorted(path.relative_to(ROOT).as_posix() for path in paths)
    folders = {path.parent for path in paths}
    assert sorted(f'configs/{folder.name}/metafile.yml' for folder in folders) == INDEX


@pytest.mark.parametrize('name', MODELS)
def test_metadata_is_that_of_the_config(name):
    model = MODELS[name]
    assert Path(model['Config']).stem == name
    assert model['In Collection'] in COLLECTIONS
    assert 'Weights' not in model, 'none are released'
    config, metadata = load_config(ROOT / model['Config']), model['Metadata']
    assert metadata['Batch Size'] == config.train_dataloader.batch_size
    assert metadata['Epochs'] == config.train_cfg.max_epochs
    assert metadata['Modalities'] == list(config.model.modalities)


@pytest.mark.parametrize('name', MODELS)
def test_accuracies_are_those_of_the_papers_tables(name):
    model, (_, data) = MODELS[name], split_name(ROOT / MODELS[name]['Config'])
    published = {
        (cell.method, cell.stream, cell.paper[data], cell.source)
        for table in TABLES.values()
        for row in table.rows.values()
        for cell in row
        if cell and data in cell.paper
    }
    for result in model.get('Results', ()):
        assert result['Dataset'] == model['Metadata']['Training Data']
        for metric, value in result['Metrics'].items():
            _, _, stream, source = re.fullmatch(r'(.*), (.*), (.*) \((.*)\)', metric).groups()
            stream = stream.replace('3 streams', '3s')
            assert (model['In Collection'], stream, value, source) in published, metric


@pytest.mark.parametrize('name', ['moco_bigru_ntu60_xsub', 'skeletonclr_stgcn_clr_ntu60_xsub'])
def test_parameters_and_flops_are_measured(name):
    metadata, config = MODELS[name]['Metadata'], load_config(ROOT / MODELS[name]['Config'])
    layout = get_layout(config.data.layout)
    shape = config.model.backbone.get('num_person', 2), config.clip_len, layout.num_joints, 3
    config.model.modalities = ['joint']
    (encoder,) = encoder_complexity(init_model(config), shape).values()
    units = {'K': 1e3, 'M': 1e6, 'G': 1e9}
    for key, value in (('Parameters', encoder.params), ('FLOPs', encoder.flops)):
        text = metadata[key]
        assert float(text[:-1]) * units[text[-1]] == pytest.approx(value, rel=1e-3), key
