"""Every encoder takes a training step in every kind of pre-training, and on every layout."""

from pathlib import Path

import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.config import Config
from tiny_encoders import tiny_encoder

from mmcmd.apis import choices, load_config
from mmcmd.config_files import split_name
from mmcmd.errors import InputError
from mmcmd.registry import MODELS
from mmcmd.skeletons import get_layout

CONFIGS = Path(__file__).parents[1] / 'configs'
ENCODERS = [name for name in choices('encoders') if name != 'raw']  # raw has no weights
PRETRAINING = (
    *('cmd/cmd.py', 'moco/moco.py', 'crossclr/crossclr_b.py', 'aimclr/aimclr.py'),
    'isc/isc.py',
    'pcm3/pcm3.py',
    'stars/stars.py',
    'usdrl/usdrl.py',
    *('ascal/ascal.py', 'ms2l/ms2l.py', 'pc/pc.py', 'longtgan/longtgan.py'),
)
SLIM = 'slim/slim.py'  # which needs an encoder with a class token
MASKED = 'mamp/mamp.py', 'mamp/skeletonmae.py'
"""Methods that leave tokens out, so that they need an encoder of tokens."""
OF_TOKENS = {name for name in ENCODERS if name.startswith('transformer')}
METHODS = [
    str(path.relative_to(CONFIGS))
    for path in sorted(CONFIGS.glob('*/*.py'))
    if path.parts[-2] not in ('_base_', 'baselines', 'benchmarks')
    and split_name(path) == (None, None)
]
TINY = {'queue': {'size': 8}, 'neck': {'out_channels': 6, 'hidden_channels': 12}}
LAYOUTS = 'ntu', 'kinect_v1', 'coco'
ALONE = 'kinect_v1'  # here the clips have one person


def tiny(encoder):
    """Return an encoder's config at a small width."""
    return tiny_encoder(Config.fromfile(CONFIGS / f'_base_/encoders/{encoder}.py').backbone)


# The layouts take turns, so that each encoder and each method meets all of them.
@pytest.mark.parametrize(
    ('encoder', 'pretraining', 'layout'),
    [
        (encoder, pretraining, LAYOUTS[(i + k) % len(LAYOUTS)])
        for i, encoder in enumerate(ENCODERS)
        for k, pretraining in enumerate(PRETRAINING)
    ],
)
def test_encoder_takes_a_step(encoder, pretraining, layout, mmcmd_scope):
    take_a_step(encoder, pretraining, layout, 'cpu')


@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('pretraining', MASKED)
@pytest.mark.parametrize('encoder', sorted(OF_TOKENS))
def test_encoder_of_tokens_takes_a_step_of_a_masked_method(
    encoder, pretraining, layout, mmcmd_scope
):
    take_a_step(encoder, pretraining, layout, 'cpu')


@pytest.mark.parametrize('layout', LAYOUTS)
def test_encoder_with_a_class_token_takes_a_step_of_slim(layout, mmcmd_scope):
    take_a_step('rotary', SLIM, layout, 'cpu')


@pytest.mark.parametrize('encoder', ['bigru', 'transformer'])
def test_slim_refuses_an_encoder_without_a_class_token(encoder, mmcmd_scope):
    with pytest.raises(InputError, match=r'SLiM needs a class token, .* choose --encoder rotary'):
        take_a_step(encoder, SLIM, 'ntu', 'cpu')


@pytest.mark.parametrize('encoder', ['bigru', 'stgcn'])
def test_masked_method_refuses_an_encoder_without_tokens(encoder, mmcmd_scope):
    with pytest.raises(InputError, match=r'MAMP removes tokens, .* choose --encoder transformer'):
        take_a_step(encoder, MASKED[0], 'ntu', 'cpu')


@pytest.mark.gpu
@pytest.mark.parametrize('pretraining', METHODS)
@pytest.mark.parametrize('encoder', ENCODERS)
def test_encoder_takes_a_step_on_a_gpu(encoder, pretraining, mmcmd_scope):
    if pretraining in MASKED and encoder not in OF_TOKENS:
        pytest.skip('the method needs an encoder of tokens')
    if pretraining == SLIM and encoder != 'rotary':
        pytest.skip('the method needs an encoder with a class token')
    take_a_step(encoder, pretraining, 'ntu', 'cuda')


def take_a_step(encoder, pretraining, layout, device):
    cfg = load_config(CONFIGS / pretraining, encoder=encoder)
    channels = 2 if layout == 'coco' else 3
    persons = 1 if layout == ALONE else tiny(encoder).get('num_person', 2)
    if cfg.model.type != 'STARS':  # its neck has other sizes
        cfg.merge_from_dict({'model': {part: x for part, x in TINY.items() if part in cfg.model}})
    else:
        cfg.merge_from_dict({'model': {'neck': {'hidden_channels': 6}, 'queue': TINY['queue']}})
    if cfg.model.type == 'ASCAL':  # its embeddings are not normalised; the loss would be 0
        cfg.model.head.temperature = 1.0
    if 'partner' in cfg.model:
        cfg.model.partner = {**tiny('agcn'), 'in_channels': channels, 'num_person': persons}
    if 'distill_head' in cfg.model:
        cfg.model.distill_head.topk = 4
    if 'mixing' in cfg.model:
        cfg.model.mixing = {'window': (3, 6), 'stride': 1}
    cfg.model.layout = layout
    cfg.model.backbone = {**tiny(encoder), 'in_channels': channels, 'num_person': persons}
    for switch in ('cross_epoch', 'mining_epoch'):
        if switch in cfg.model:
            cfg.model[switch] = 0

    torch.manual_seed(0)
    model = MODELS.build(cfg.model).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    trained = getattr(model, 'students', model.encoders)
    before = {name: p.clone() for name, p in trained.named_parameters()}
    joints = get_layout(layout).num_joints
    samples = [ActionDataSample(metainfo={'sample_idx': x}) for x in range(3)]
    # Drawn on the CPU: with some other numbers, the best keys of a tiny queue give no gradient.
    inputs = torch.randn(3, len(model.views), persons, 8, joints, channels).to(device)
    if cfg.model.type == 'SLiM':  # whose groups of views differ in length, here only in number
        inputs = {x: inputs[:, :1, :1].repeat(1, n, *[1] * 4) for x, n in model.views.items()}
    model.set_progress(1, 0.5, seed=0)  # AS-CAL's first epoch trains nothing
    losses = model(inputs, samples, mode='loss')
    total = sum(value for name, value in losses.items() if name.startswith('loss'))
    total.backward()
    optimizer.step()

    assert torch.isfinite(total)
    assert ('loss_cmd' in losses) == (cfg.model.get('distill_head') is not None)
    moved = {n for n, p in trained.named_parameters() if not torch.equal(before[n], p)}
    for modality in cfg.model.modalities:
        assert any(name.startswith(f'{modality}.backbone.') for name in moved)


def test_encoder_can_be_chosen_on_the_command_line(tiny_pickle, run_tool, tmp_path):
    options = (
        'model.backbone._delete_=True',
        'model.backbone.type=AAGCN',
        'model.backbone.graph_cfg.mode=spatial',
        'model.backbone.base_channels=4',
    )
    status, out, err = run_tool(
        'misc/print_config.py', CONFIGS / PRETRAINING[0], '--cfg-options', *options
    )
    assert status == 0, err
    backbone = Config.fromstring(out, '.py').model.backbone
    assert backbone.type == 'AAGCN'
    assert 'hidden_size' not in backbone


def test_size_of_the_features_is_found_and_a_wrong_one_refused(tiny_cmd):
    graph = {'type': 'STGCN', 'graph_cfg': {'mode': 'stgcn_spatial'}, 'base_channels': 4}
    graph |= {'num_stages': 2, 'inflate_stages': [2], 'down_stages': [2]}
    neck = {'type': 'ProjectionNeck', 'out_channels': 6}
    assert tiny_cmd(backbone=graph, neck=neck).necks['joint'].hidden.in_features == 8
    with pytest.raises(ValueError, match='in_channels=5, but the features of STGCN have size 8'):
        tiny_cmd(backbone=graph, neck=neck | {'in_channels': 5})
