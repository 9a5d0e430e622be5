"""Make the motions of the quick start."""

from pathlib import Path
from tempfile import TemporaryDirectory

from mmcmd.datasets.annotations.reading import load_annotations, save_annotations
from mmcmd.datasets.converters import convert
from mmcmd.synthetic import ACTIONS, Plan, generate

PLAN = Plan(seed=2026, subjects=16, cameras=(2,))
"""16 people whom the encoder has not seen: its training has seed 0. Each does each action once."""


def make_motions(out: Path, plan: Plan = PLAN) -> int:
    """Simulate motions in the raw format of NTU RGB+D, and convert them to a pickle.

    Args:
        out (Path): Pickle to write, with names of the classes and a split by subject. A report is
            written beside it.
        plan (Plan): What is simulated. Defaults to :data:`PLAN`.

    Returns:
        int: Number of motions.
    """
    with TemporaryDirectory() as folder:
        generate(folder, plan)
        convert('ntu', folder, out)
    data = load_annotations(out)
    # One pair of splits, so that the pickle can be trained on: --data motions.pkl
    data['split'] = {name: x for name, x in data['split'].items() if name.startswith('xsub_')}
    data['classes'] = [action.name for action in ACTIONS[: plan.actions]]
    save_annotations(data, out)
    return len(data['annotations'])
