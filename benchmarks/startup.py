"""Time ``import mmcmd``, and ``tools/train.py`` to its first iteration, against mmaction2."""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import mmaction

from benchmarks.harness import Disagreement, Figure, in_turns, ratio
from benchmarks.views import make_sequences
from mmcmd.datasets.annotations.reading import save_annotations

ROOT = Path(__file__).parents[1]
IMPORTS = {
    '`import mmcmd`': ('import mmcmd', 'import mmaction', '>= 1'),
    'all models, data sets and metrics imported': (
        'import mmcmd.models, mmcmd.datasets, mmcmd.evaluation',
        'import mmaction.models, mmaction.datasets, mmaction.evaluation',
        '>= 0.95',
    ),
}
"""Our statement, that of mmaction2, and the goal. ``import mmcmd`` imports its parts only when they
are used; the second case imports them all."""
TOOLS = dict(
    ours=ROOT / 'tools/train.py',
    mmaction2=Path(mmaction.__file__).parent / '.mim/tools/train.py',
)
"""The training tool of each side."""

HOOK = '''"""Note when things happen, and stop after the first iteration."""
import sys
import time
from pathlib import Path

from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module(force=True)
class StopHook(Hook):
    priority = 'LOWEST'

    def before_train(self, runner):
        self.times = [time.time()]

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.times.append(time.time())

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        encoder = getattr(runner.model, 'encoders', {'joint': runner.model})['joint']
        size = sum(x.numel() for x in encoder.backbone.parameters())
        lines = *self.times, time.time(), size, *data_batch['inputs'][0].shape[-4:]
        Path(runner.work_dir, 'noted.txt').write_text('\\n'.join(map(str, lines)))
        sys.exit()
'''
STOP = """
custom_imports = dict(imports=[{imports}'stop_hook'])
custom_hooks = [dict(type='mmengine.StopHook')]
work_dir = '{folder}/{side}'
for loader in (train_dataloader, val_dataloader):
    loader.update(batch_size=8, num_workers={workers}, persistent_workers={workers} > 0)
"""
OURS = """
_base_ = '{root}/configs/cmd/cmd.py'
model = dict(modalities=('joint',))
__data = dict(ann_file='{folder}/data.pkl', clip_len=16)
train_dataloader = dict(dataset=__data)
val_dataloader = test_dataloader = dict(dataset=__data)
val_cfg = test_cfg = dict(
    gallery_dataloader=dict(
        batch_size=8, num_workers={workers}, persistent_workers={workers} > 0, dataset=__data
    )
)
"""
THEIRS = """
_base_ = '{mmaction}/.mim/configs/_base_/default_runtime.py'
model = dict(
    type='RecognizerGCN',
    backbone=dict(
        type='STGCN', base_channels=16, graph_cfg=dict(layout='nturgb+d', mode='stgcn_spatial')
    ),
    cls_head=dict(type='GCNHead', num_classes=60, in_channels=64),
)
pipeline = [
    dict(type='PreNormalize3D'),
    dict(type='GenSkeFeat', dataset='nturgb+d', feats=['j']),
    dict(type='UniformSampleFrames', clip_len=16),
    dict(type='PoseDecode'),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='PackActionInputs'),
]
data = dict(type='PoseDataset', ann_file='{folder}/data.pkl', pipeline=pipeline)
train_dataloader = dict(
    sampler=dict(type='DefaultSampler', shuffle=True), dataset=dict(data, split='xsub_train')
)
val_dataloader = test_dataloader = dict(
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(data, split='xsub_val', test_mode=True),
)
val_evaluator = test_evaluator = [dict(type='AccMetric')]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=450, val_begin=1, val_interval=50)
val_cfg, test_cfg = dict(type='ValLoop'), dict(type='TestLoop')
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4))
param_scheduler = [dict(type='MultiStepLR', milestones=[350], gamma=0.1, by_epoch=True)]
"""


def run_statement(statement: str) -> None:
    """Run a statement in a new interpreter."""
    subprocess.run([sys.executable, '-W', 'ignore', '-c', statement], check=True)


def cpu_of_children() -> float:
    """Return the CPU seconds of all child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def write_inputs(folder: Path, sequences: int, workers: int) -> None:
    """Write the data, the hook and both configs."""
    annotations = [
        dict(frame_dir=f'{i:06}', label=i % 60, keypoint=keypoint, total_frames=keypoint.shape[1])
        for i, keypoint in enumerate(make_sequences(sequences))
    ]
    names = [sample['frame_dir'] for sample in annotations]
    split = dict(xsub_train=names[::2], xsub_val=names[1::2])
    data = dict(split=split, annotations=annotations, layout='ntu')
    save_annotations(data, folder / 'data.pkl')
    (folder / 'stop_hook.py').write_text(HOOK)
    blanks = dict(
        folder=folder, root=ROOT, mmaction=Path(mmaction.__file__).parent, workers=workers
    )
    for side, config, imports in (('ours', OURS, "'mmcmd', "), ('mmaction2', THEIRS, '')):
        text = (config + STOP).format(**blanks, side=side, imports=imports)
        (folder / f'{side}.py').write_text(text)


class Start:
    """A run of a training tool until the end of its first iteration.

    Args:
        side (str): ``ours`` or ``mmaction2``.
        folder (Path): Folder with the files of :func:`write_inputs`.

    Attributes:
        splits (list[list[float]]): For each start, the seconds until the training begins, from then
            to the first batch, and of the iteration.
        facts (list[str]): Number of parameters of the backbone, and the shape of a sequence.
    """

    def __init__(self, side: str, folder: Path) -> None:
        self.folder, self.work_dir = folder, folder / side
        arguments = ['--encoder', 'stgcn_quarter'] if side == 'ours' else []
        self.command = [sys.executable, TOOLS[side], folder / f'{side}.py', *arguments]
        self.splits: list[list[float]] = []

    def __call__(self) -> None:
        """Run the tool, and read the times that the hook has written."""
        start = time.time()
        path = os.pathsep.join(filter(None, (str(self.folder), os.environ.get('PYTHONPATH'))))
        environment = os.environ | {'PYTHONPATH': path}
        done = subprocess.run(self.command, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
        noted = (self.work_dir / 'noted.txt').read_text().split()
        moments, self.facts = [start, *map(float, noted[:3])], noted[3:]
        self.splits.append([b - a for a, b in pairwise(moments)])


def first_iteration(rounds: int, sequences: int, workers: int) -> Iterator[Figure]:
    """Start both sides in turns."""
    with tempfile.TemporaryDirectory() as folder:
        write_inputs(Path(folder), sequences, workers)
        sides = {side: Start(side, Path(folder)) for side in TOOLS}
        in_turns(rounds, **sides)  # the first round fills the disk cache and packs our pickle
    if sides['ours'].facts != sides['mmaction2'].facts:
        raise Disagreement(f'runs of other sizes: { {x: s.facts for x, s in sides.items()} }')
    kept = {side: start.splits[-max(rounds, 1) :] for side, start in sides.items()}
    note = '; '.join(
        f'{side}: ' + ' + '.join(f'{statistics.median(x):.2f}' for x in zip(*splits, strict=True))
        for side, splits in kept.items()
    )
    yield Figure(
        'startup',
        f'`tools/train.py` to the end of its first iteration, {workers} workers',
        **ratio({side: [sum(x) for x in splits] for side, splits in kept.items()}, 'mmaction2'),
        goal='>= 1' if rounds else '',
        against="mmaction2's `tools/train.py`: RecognizerGCN, PoseDataset",
        note='ST-GCN of 16 channels, 16 frames, batch 8, '
        f'{sequences} sequences; seconds until the training begins + first batch + iteration (our '
        f'iteration is pre-training and encodes two views), {note}',
    )


def run(short: bool) -> Iterator[Figure]:
    """Time new processes."""
    if short:  # one start of each side only shows that both still run
        yield from first_iteration(rounds=0, sequences=64, workers=0)
        return
    for case, (ours, theirs, goal) in IMPORTS.items():
        times = in_turns(
            9,
            clock=cpu_of_children,
            ours=partial(run_statement, ours),
            theirs=partial(run_statement, theirs),
        )
        yield Figure(
            'startup',
            case,
            **ratio(times, 'theirs'),
            goal=goal,
            against=f'`{theirs}`',
            note=f'CPU time of a new interpreter; ours: `{ours}`',
        )
    for workers in (0, 2):
        yield from first_iteration(rounds=7, sequences=512, workers=workers)
