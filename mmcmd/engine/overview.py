"""Say what a run is about to do."""

import os
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_world_size
from mmengine.runner import Runner

from mmcmd.engine.unwrapping import unwrapped_model
from mmcmd.models import StreamModel


def training_overview(runner: Runner) -> dict[str, str]:
    """Return what a training does: data, model, steps and the log file.

    Args:
        runner (Runner): Whose training loop is built.
    """
    sizes = [f'{len(runner.train_dataloader.dataset):,} training sequences']
    if runner.val_loop is not None:
        sizes.append(f'{len(runner.val_dataloader.dataset):,} for validation')
    epochs, steps = runner.max_epochs, len(runner.train_dataloader)
    text = f'{runner.max_iters:,} steps'
    if epochs:
        text = f'{epochs:,} epoch{"s" * (epochs > 1)} of {steps:,} steps'
    batch = runner.train_dataloader.batch_size
    ranks = get_world_size()
    text += f', batches of {batch}' + (f' on each of {ranks} ranks' if ranks > 1 else '')
    text += f', on {_device(runner)}'
    if runner.iter:
        text += (
            f'; resumed after epoch {runner.epoch}, step {runner.iter:,} of {runner.max_iters:,}'
        )
    return {
        'data': _data(runner, ', '.join(sizes)),
        'model': _model(runner),
        'steps': text,
        'log': _log(runner),
    }


def test_overview(runner: Runner) -> dict[str, str]:
    """Return what a test does: data, model, checkpoint and the log file.

    Args:
        runner (Runner): Whose test loop is built.
    """
    sizes = f'{len(runner.test_dataloader.dataset):,} test sequences'
    if gallery := getattr(runner.test_loop, 'gallery_dataloader', None):
        sizes += f', {len(gallery.dataset):,} in the gallery'
    weights = runner._load_from or 'none: the model is as it was initialised'
    return {
        'data': _data(runner, sizes),
        'model': f'{_model(runner)}, on {_device(runner)}',
        'weights': shorten(weights),
        'log': _log(runner),
    }


def run_title(runner: Runner) -> str:
    """Return the names of config and data set, and the budget.

    Args:
        runner (Runner): Any runner.
    """
    title = Path(runner.cfg.filename or type(unwrapped_model(runner)).__name__).stem
    if name := (runner.cfg.get('data') or {}).get('name'):
        title += f' on {name}'
    return title + (f', budget {runner.cfg.budget}' if runner.cfg.get('budget') else '')


def shorten(path: str | Path) -> str:
    """Return a path relative to the working folder, if it lies in it."""
    path = Path(path)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        return os.path.relpath(path)
    return str(path)


def _data(runner: Runner, sizes: str) -> str:
    data: dict[str, Any] = runner.cfg.get('data') or {}
    return sizes + (f', {data["num_classes"]} classes' if data.get('num_classes') else '')


def _model(runner: Runner) -> str:
    model = unwrapped_model(runner)
    text = type(model).__name__
    if isinstance(model, StreamModel):
        backbones = dict.fromkeys(type(x.backbone).__name__ for x in model.encoders.values())
        text += f', {" and ".join(backbones)} on {", ".join(model.encoders)}'
    weights = sum(x.numel() for x in model.parameters())
    trained = sum(x.numel() for x in model.parameters() if x.requires_grad)
    text += f', {_millions(weights)} parameters'
    return text + (f', {_millions(trained)} trained' if 0 < trained < weights else '')


def _millions(number: int) -> str:
    return f'{number / 1e6:.1f} M' if number >= 100_000 else f'{number:,}'


def _device(runner: Runner) -> str:
    device = next((x.device for x in unwrapped_model(runner).parameters()), torch.device('cpu'))
    return torch.cuda.get_device_name(device) if device.type == 'cuda' else 'the CPU'


def _log(runner: Runner) -> str:
    return shorten(runner.logger.log_file or runner.log_dir)
