"""Protocols: ways to evaluate encoders, and baselines without an encoder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mmcmd.reproduction.paper import MODALITIES


@dataclass(frozen=True)
class Protocol:
    """A way to evaluate encoders.

    Attributes:
        config (str): Config of the evaluation.
        options (Sequence[str]): ``KEY=VALUE`` overrides. ``{seed}`` is replaced by the seed.
        targets (Mapping[str, str], optional): Maps the data set of the pre-training to that of the
            evaluation. By default, both are the same.
        pretrained (bool): Whether the pre-trained encoders of the method are used. Defaults to
            True.
        tested (bool): Whether there is no training. Then ``tools/test.py`` runs the config. If
            ``pretrained`` is False, the config contains its own encoder. Defaults to False.
        timed (bool): Whether the training is compared with pre-trainings, and therefore gets the
            same minutes, if these are limited. Defaults to False.
        metric (str): First part of the names of its metrics, ``'acc'`` or ``'knn'``. Defaults to
            ``'acc'``.
    """

    config: str
    options: Sequence[str] = ()
    targets: Mapping[str, str] | None = None
    pretrained: bool = True
    tested: bool = False
    timed: bool = False
    metric: str = 'acc'


KNN = 'knn'
"""The protocol without an extra run: a pre-training validates with nearest neighbours."""
PERCENTS = (1, 5, 10, 20)
CROPS = (1, 2, 4)
LABELS = (1, 5, 10)
"""Numbers of labels per class in the protocols with few labels."""
TARGETS = {
    'ntu60_xsub': 'pkummd2_xsub',
    'ntu120_xsub': 'pkummd2_xsub',
    'synthetic_xsub': 'syntheticpku_xsub',
}


def cached_crops(crops: int) -> tuple[str, str]:
    """Return the overrides that encode some crops of each sequence once, for frozen encoders."""
    return 'train_cfg.type=CachedFeatureLoop', f'train_cfg.num_crops={crops}'


_SUBSET = 'train_dataloader.dataset.subset'
_GALLERY = 'test_cfg.gallery_dataloader.dataset.subset'
_WARPING = 'configs/baselines/time_warping.py'
PROTOCOLS: dict[str, Protocol] = {
    'linear': Protocol('configs/benchmarks/linear.py'),
    'linear_clr': Protocol('configs/benchmarks/linear_clr.py'),
    # CrosSCLR: one loss for all heads, computed from the mean of their scores.
    'linear_joint': Protocol(
        'configs/benchmarks/linear_clr.py',
        ('model.joint_loss=True', *(f'model.fusion.weights.{name}=1' for name in MODALITIES)),
    ),
    'finetune': Protocol('configs/benchmarks/finetune.py'),
    'supervised': Protocol('configs/benchmarks/supervised.py', pretrained=False),
    'transfer': Protocol('configs/benchmarks/transfer.py', targets=TARGETS),
    'finetune_clr': Protocol('configs/benchmarks/finetune_clr.py'),
    **{
        name: Protocol(f'configs/benchmarks/{name}.py')
        for name in ('linear_pcm3', 'linear_ascal', 'linear_ms2l', 'finetune_ms2l')
    },
    'linear_usdrl': Protocol('configs/benchmarks/linear_usdrl.py'),
    'linear_mamp': Protocol('configs/benchmarks/linear_mamp.py'),
    'linear_slim': Protocol('configs/benchmarks/linear_slim.py'),
    'finetune_mamp': Protocol('configs/benchmarks/finetune_mamp.py'),
    **{
        f'{name}{percent}': Protocol(
            f'configs/benchmarks/{name}.py',
            (f'{_SUBSET}.percent={percent}', f'{_SUBSET}.seed={{seed}}'),
        )
        for name in ('semi', 'semi_clr', 'semi_mamp', 'semi_slim')
        for percent in PERCENTS
    },
    **{
        f'cached{crops}': Protocol(
            'configs/benchmarks/linear.py',
            cached_crops(crops),
        )
        for crops in CROPS
    },
    # Baselines on coordinates, without an encoder: nearest neighbours and MiniRocket.
    'euclidean': Protocol(_WARPING, ('test_evaluator.band=0',), pretrained=False, tested=True),
    'dtw': Protocol(_WARPING, pretrained=False, tested=True),
    'minirocket': Protocol(
        'configs/baselines/minirocket.py',
        ('test_evaluator.seed={seed}',),
        pretrained=False,
        tested=True,
    ),
    'scratch': Protocol('configs/baselines/supervised.py', pretrained=False, timed=True),
    'linear_small': Protocol('configs/benchmarks/linear_small.py'),
    'linear_whitened': Protocol('configs/benchmarks/linear_whitened.py'),
    'knn_pc': Protocol('configs/benchmarks/knn_pc.py', tested=True, metric=KNN),
}


def _with_labels(protocol: Protocol, labels: int) -> Protocol:
    """Return a protocol with a number of labels per class."""
    part = _GALLERY if protocol.tested else _SUBSET
    subset = (f'{part}.per_class={labels}', f'{part}.seed={{seed}}')
    return replace(protocol, options=(*protocol.options, *subset))


PROTOCOLS |= {
    f'{name}{labels}': _with_labels(PROTOCOLS[name], labels)
    for name in ('euclidean', 'dtw', 'minirocket', 'scratch', 'linear_small')
    for labels in LABELS
}
