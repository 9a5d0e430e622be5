"""Parameters of a synthetic data set, and the label that describes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product

from mmcmd.errors import InputError

from .actions import ACTIONS

VERSION = 1  # increase it whenever the same parameters give other files
SETUPS = 4
_CAMERA_CHOICES = [chosen for count in (1, 2, 3) for chosen in combinations((1, 2, 3), count)]

Performance = tuple[int, int, int]
"""Subject, replication and action, counted from 1. The action is a position in :data:`ACTIONS`."""


@dataclass(frozen=True)
class Plan:
    """Parameters of a synthetic data set.

    Attributes:
        seed (int): Seed of all random numbers.
        subjects (int): Number of subjects, numbered from 1.
        actions (int): Number of actions. They are the first actions that the format supports.
        replications (int): Number of times that each subject performs each action.
        cameras (tuple[int, ...]): Numbers of the cameras: 1 (-45 degrees), 2 (frontal), 3 (+45
            degrees).

    Raises:
        InputError: If a number is out of its range.
    """

    seed: int = 0
    subjects: int = 24
    actions: int = 16
    replications: int = 1
    cameras: tuple[int, ...] = (1, 2, 3)

    def __post_init__(self) -> None:
        limits = {'subjects': 999, 'actions': len(ACTIONS), 'replications': 999}
        for name, most in limits.items():
            if not 1 <= getattr(self, name) <= most:
                raise InputError(f'{name} must lie in [1, {most}], not {getattr(self, name)}')
        if self.seed < 0:
            raise InputError(f'seed must not be negative, not {self.seed}')
        if self.cameras not in _CAMERA_CHOICES:
            raise InputError(
                f'cameras must be some of 1, 2 and 3 in ascending order, not {self.cameras}'
            )

    @property
    def size(self) -> int:
        """Number of recordings: one per performance and camera."""
        return self.subjects * self.actions * self.replications * len(self.cameras)

    def performances(self, actions: Sequence[int] | None = None) -> list[Performance]:
        """List all performances.

        Args:
            actions (Sequence[int], optional): Numbers of actions. The first ``self.actions`` of
                them are used. Defaults to all.
        """
        chosen = (actions or range(1, len(ACTIONS) + 1))[: self.actions]
        subjects, replications = range(1, self.subjects + 1), range(1, self.replications + 1)
        return list(product(subjects, replications, chosen))

    def label(self, title: str, files: int, classes: Sequence[str]) -> str:
        """Return the text that marks the data set as synthetic and lists its parameters.

        Args:
            title (str): Name of the data set whose file format is used.
            files (int): Number of files.
            classes (Sequence[str]): Names of the classes.
        """
        lines = (
            f'SYNTHETIC DATA. Simulated stick figures in the file format of {title}.',
            f'No person was recorded, and no part of {title} is in here. An accuracy on these',
            f'files says nothing about the accuracy on {title} or on any real data.',
            '',
            f'generator: mmcmd.synthetic, version {VERSION}',
            *(f'{name}: {value}' for name, value in vars(self).items()),
            f'files: {files}',
            '',
            'classes:',
            *(f'  A{number:03d} {name}' for number, name in enumerate(classes, start=1)),
        )
        return '\n'.join(lines) + '\n'


def setup_of(subject: int) -> int:
    """Return the number of the setup (camera heights and distances) of a subject."""
    return (subject - 1) % SETUPS + 1
