"""P&C against recordings of its authors' PyTorch program."""

from typing import Any

import numpy as np
import torch
from mmaction.structures import ActionDataSample
from torch import Tensor, nn

from mmcmd.datasets.transforms import scale_to_range, stride_frames, view_invariant
from mmcmd.evaluation import FeatureAutoEncoder
from mmcmd.io.authors import model_sizes, rename_authors_state
from mmcmd.io.checkpoint import load_plain
from mmcmd.registry import MODELS
from mmcmd.skeletons import get_layout
from tests.golden.recordings import Recording
from tests.golden.report import Report, absolute, different, relative
from tests.golden.training import compare_states

BOUNDS = {
    'losses': (1e-4, relative),
    'gradient norms': (1e-3, relative),
    'states': (1e-4, absolute),
    'frozen': (0, different),
    'predictions': (1e-4, absolute),
    'features': (1e-4, absolute),
    'autoencoder': (1e-4, absolute),
}
TRANSFORMS = {'valid frames': (0, different), 'preprocessing': (1e-5, absolute)}
RUNS = {
    'plain': {'inputs': 'zero'},
    'frozen': {'inputs': 'zero', 'frozen': True},
    'fixed_state': {'inputs': 'fixed_state'},
    'teacher': {'inputs': 'teacher'},
}
"""Name of a run and the options of the decoder."""


def run_pc(recording: Recording, **options: Any) -> Report:
    """Run P&C with each of its decoders, and its feature autoencoder.

    Args:
        recording (Recording): ``pc_train.npz``.
        **options: Options of the decoder in each run, in place of those of the run.
    """
    report = Report(recording.precision.bounds_of(BOUNDS), required=BOUNDS)
    for name, decoder in RUNS.items():
        _run(report, recording, name, {**decoder, **options})
    _run_autoencoder(report, recording)
    return report


def _run(report: Report, recording: Recording, run: str, decoder: dict[str, Any]) -> None:
    config, model = recording.config, _build(recording, decoder)
    trained = [x for x in model.parameters() if x.requires_grad]
    start = {name: x.clone() for name, x in model.state_dict().items()}
    optimizer = torch.optim.Adam(trained, lr=config['lr'])
    steps, losses = len(recording['x']), recording[f'{run}/losses']
    report.count('losses', f'number of steps of {run}', steps, len(losses))
    for index in range(min(steps, len(losses))):
        joints, samples = _inputs(recording, index)
        loss = model(joints[:, None], samples, mode='loss')['loss_joint']
        optimizer.zero_grad()
        with torch.autocast(loss.device.type, enabled=False):  # as a runner does
            loss.backward()
        norm = nn.utils.clip_grad_norm_(trained, config['clip'])
        optimizer.step()
        report.add('losses', f'{run}/losses[{index}]', loss, losses[index])
        expected = recording[f'{run}/grad_norm'][index]
        report.add('gradient norms', f'{run}/grad_norm[{index}]', norm, expected)
    final = load_plain(str(recording.path.with_name('pc_final.pth.tar')))[run]
    compare_states(report, model, rename_authors_state('pc', final))
    if decoder.get('frozen'):
        for name, x in model.state_dict().items():
            if name.startswith('decoders.joint.gru.'):
                report.add('frozen', f'{run}/{name}', x, start[name])
    if steps:
        joints, samples = _inputs(recording, 0)
        valid = torch.from_numpy(recording['lengths'][0]).to(joints.device)
        with torch.no_grad():
            feature = model.eval().extract_feat(joints, valid_frames=valid)
            frames = joints.permute(0, 2, 3, 4, 1).flatten(2)
            found = model.decoders['joint'](feature, frames)
        report.add('features', f'{run}/feature', feature, recording[f'{run}/feature'])
        expected = recording[f'{run}/reconstruction']
        report.add('predictions', f'{run}/reconstruction', found, expected)


def _build(recording: Recording, decoder: dict[str, Any]) -> nn.Module:
    """Build our model in the number format of the recording, in the recorded initial state."""
    state = recording.state('init', 'pc')
    sizes = model_sizes(state)
    backbone = {'type': 'BiGRU', 'num_person': 1, 'with_norm': False, **sizes['backbone']}
    model = MODELS.build(
        {
            'type': 'PredictCluster',
            'layout': 'kinect_v1',
            **sizes,
            'backbone': backbone,
            'decoder': decoder,
        }
    )
    model = recording.placed(model)
    model.load_state_dict(state, strict=True)
    return model.train()


def _inputs(recording: Recording, index: int) -> tuple[Tensor, list[ActionDataSample]]:
    """Return joints (N, 1, T, V, C) of a step, and samples that hold the valid frames."""
    joints = recording.tensor(recording['x'][index]).unflatten(2, (-1, 3))[:, None]
    lengths = recording['lengths'][index].tolist()
    return joints, [ActionDataSample(metainfo={'valid_frames': n}) for n in lengths]


def _run_autoencoder(report: Report, recording: Recording) -> None:
    config, x = recording.config, recording.tensor(recording['ae/x'])
    autoencoder = recording.placed(FeatureAutoEncoder(x.shape[1], config['ae_widths']))
    load = [load_plain(str(recording.path.with_name(f'pc_{x}.pth.tar'))) for x in ('init', 'final')]
    autoencoder.load_state_dict(load[0]['ae'])
    expected = recording['ae/losses']
    losses = autoencoder.fit(x, config['ae_lr'], batch_size=len(x), epochs=len(expected))
    report.add('autoencoder', 'ae/losses', losses, expected)
    with torch.no_grad():
        report.add('autoencoder', 'ae/code', autoencoder(x), recording['ae/code'])
    for name, found in autoencoder.state_dict().items():
        report.add('autoencoder', f'ae: {name}', found, load[1]['ae'][name])


def run_pc_transforms(recording: Recording) -> Report:
    """Run the preprocessing of P&C."""
    report = Report(TRANSFORMS, required=TRANSFORMS)

    def pieces(name: str, counts: str) -> list[np.ndarray]:
        ends = np.cumsum(recording[counts])[:-1]
        return [x.reshape(1, len(x), -1, 3) for x in np.split(recording[name], ends)]

    expected = {
        'view': pieces('view', 'view_frames'),
        'minmax': pieces('minmax', 'view_frames'),
        'down': pieces('down', 'down_frames'),
    }
    for index, raw in enumerate(pieces('raw', 'num_frames')):
        moved = view_invariant(raw, get_layout('ntu'))
        scaled = scale_to_range(moved)
        found = {'view': moved, 'minmax': scaled, 'down': stride_frames(scaled, 50)}
        for name, ours in found.items():
            theirs = expected[name][index]
            report.add('valid frames', f'{name} of {index}', len(ours[0]), len(theirs[0]))
            report.add('preprocessing', f'{name} of {index}', ours, theirs)
    return report
