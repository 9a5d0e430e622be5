"""Try variants of the recipe for small data: ``python -m benchmarks.small_data``.

Each trial trains configs/recipes/small.py with one variant for a number of steps, and evaluates it
on the validation split of the data config: nearest neighbours, and logistic regression on
standardised features. A line of JSON for each trial is added to the file ``--out``. The variants
are in :mod:`benchmarks.small_data.variants`. With 0 steps the model is evaluated as it is
initialised; the variant ``raw`` needs this.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.runner import Runner
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from benchmarks.small_data import variants
from mmcmd.apis import (
    build_loader,
    extract_features,
    fit_to_data,
    init_model,
    load_config,
    loaders,
)
from mmcmd.cli import run
from mmcmd.evaluation.knn import knn_predict_streams

CONFIG = Path(__file__).parents[2] / 'configs/recipes/small.py'
EPOCH = 100
Features = Mapping[str, Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(prog='python -m benchmarks.small_data', description=__doc__)
    parser.add_argument('data', help='data config, or several with commas')
    parser.add_argument('variants', nargs='+', help='such as shear=0.5+hidden_size=256')
    parser.add_argument('--steps', type=int, default=600)
    parser.add_argument('--seeds', type=int, nargs='+', default=[0])
    parser.add_argument('--out', type=Path, default=Path('work_dirs/small_data.jsonl'))
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    for name in args.variants:
        for data in args.data.split(','):
            for seed in args.seeds:
                record = trial(data, name, args.steps, seed)
                with args.out.open('a') as file:
                    file.write(json.dumps(record) + '\n')
                print(json.dumps(record), flush=True)


def trial(data: str, name: str, steps: int, seed: int) -> dict[str, Any]:
    """Train and evaluate a variant, and return its record."""
    parts = name.split('+')
    encoders = [part.removeprefix('encoder=') for part in parts if part.startswith('encoder=')]
    cfg = load_config(CONFIG, data=data, encoder=encoders[0] if encoders else None)
    variants.apply(cfg, '+'.join(part for part in parts if not part.startswith('encoder=')))
    fit_to_data(cfg)
    start, curve = time.perf_counter(), []
    if steps:
        model, curve = train(cfg, steps, seed)
    else:
        torch.manual_seed(seed)
        model = init_model(cfg)
    seconds = time.perf_counter() - start
    for loader in loaders(cfg).values():
        loader.update(num_workers=0, persistent_workers=False)
    model.eval()
    queries, labels = extract_features(model, build_loader(cfg, 'val_dataloader'))
    gallery, classes = extract_features(model, build_loader(cfg, 'val_cfg.gallery_dataloader'))
    return dict(
        time=time.strftime('%H:%M'),
        data=cfg.data.name,
        variant=name,
        steps=steps,
        seed=seed,
        seconds=round(seconds),
        knn=knn(queries, labels, gallery, classes),
        euclidean=euclidean(queries, labels, gallery, classes) if name.startswith('raw') else None,
        linear=linear(queries, labels, gallery, classes),
        curve=curve,
    )


def train(cfg: Config, steps: int, seed: int) -> tuple[torch.nn.Module, list[dict[str, float]]]:
    """Train, and return the model and the accuracies during the training."""
    epochs = max(1, steps // EPOCH)
    cfg.train_cfg.update(
        epoch_steps=steps // epochs, max_epochs=epochs, val_interval=max(1, epochs // 3)
    )
    cfg.default_hooks.checkpoint = None
    for hook in ('plain_checkpoint', 'preemption'):
        cfg.default_hooks.pop(hook)
    cfg.work_dir = tempfile.mkdtemp()
    cfg.update(
        randomness=dict(seed=seed),
        log_level='WARNING',
        experiment_name=f'trial {time.time()}',
        visualizer=dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')]),
    )
    for loader in loaders(cfg).values():
        loader.update(num_workers=0, persistent_workers=False)
    runner = Runner.from_cfg(cfg)
    runner.train()
    scalars = next(Path(cfg.work_dir).rglob('scalars.json')).read_text().splitlines()
    lines = [json.loads(line) for line in scalars]
    curve = [
        {name: round(100 * x, 1) if 'top1' in name else x for name, x in line.items()}
        for line in lines
        if 'knn/top1' in line
    ]
    shutil.rmtree(cfg.work_dir)
    return runner.model, curve


def knn(queries: Features, labels: Tensor, gallery: Features, classes: Tensor) -> dict[str, float]:
    """Return the accuracy of the nearest neighbour by stream, in percent."""
    sides = [{k: F.normalize(x, dim=1) for k, x in side.items()} for side in (queries, gallery)]
    return {k: percent(x, labels) for k, x in knn_predict_streams(*sides, classes).items()}


def euclidean(
    queries: Features, labels: Tensor, gallery: Features, classes: Tensor
) -> dict[str, float]:
    """Return the accuracy of the nearest neighbour by Euclidean distance, in percent."""
    return {
        name: percent(classes[torch.cdist(queries[name], gallery[name]).argmin(dim=1)], labels)
        for name in gallery
    }


def linear(
    queries: Features, labels: Tensor, gallery: Features, classes: Tensor
) -> dict[str, float]:
    """Return the accuracy of logistic regression by stream and for all, in percent."""
    accuracies, scores = {}, []
    for name, features in gallery.items():
        scaler = StandardScaler().fit(features.numpy())
        model = LogisticRegression(C=0.1, max_iter=300)
        model.fit(scaler.transform(features.numpy()), classes.numpy())
        scores.append(torch.tensor(model.predict_proba(scaler.transform(queries[name].numpy()))))
        accuracies[name] = percent(torch.tensor(model.classes_)[scores[-1].argmax(1)], labels)
    if len(scores) > 1:
        predicted = torch.tensor(model.classes_)[sum(scores).argmax(1)]
        accuracies[f'{len(scores)}s'] = percent(predicted, labels)
    return accuracies


def percent(predicted: Tensor, labels: Tensor) -> float:
    """Return the share of equal entries in percent."""
    return round(100 * (predicted == labels).double().mean().item(), 1)


if __name__ == '__main__':
    run(main)
