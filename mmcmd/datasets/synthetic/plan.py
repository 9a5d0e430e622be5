"""What is generated: how many subjects, actions and cameras, and the label that tells it."""

from dataclasses import dataclass
from itertools import combinations, product

from mmcmd.errors import InputError

from .actions import ACTIONS
from .ntu_writer import file_name

VERSION = 1  # to be raised whenever the same parameters give other files
SETUPS = 4
_CAMERA_CHOICES = [chosen for count in (1, 2, 3) for chosen in combinations((1, 2, 3), count)]


@dataclass(frozen=True)
class Plan:
    """What is generated.

    Attributes:
        seed (int): Seed of everything.
        subjects (int): Number of subjects, numbered from 1.
        actions (int): Number of actions, the first of :data:`ACTIONS`.
        replications (int): How often each subject performs each action.
        cameras (tuple[int, ...]): Cameras out of 1 (-45 degrees), 2 (frontal) and 3 (+45 degrees).

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
        """Number of files."""
        return self.subjects * self.actions * self.replications * len(self.cameras)

    def performances(self) -> list[tuple[int, int, int]]:
        """List all (subject, replication, action), counted from 1."""
        counts = (self.subjects, self.replications, self.actions)
        return list(product(*(range(1, count + 1) for count in counts)))

    def names(self, performance: tuple[int, int, int]) -> dict[str, int]:
        """Map the file names of a performance, without suffix, to the cameras that record it."""
        setup = setup_of(performance[0])
        return {file_name(setup, camera, *performance): camera for camera in self.cameras}

    def label(self) -> str:
        """Return the text that marks the data set as synthetic and tells its parameters."""
        classes = [f'  A{n:03d} {a.name}' for n, a in enumerate(ACTIONS[: self.actions], start=1)]
        lines = (
            'SYNTHETIC DATA. Simulated stick figures in the file format of NTU RGB+D.',
            'No person was recorded, and no part of NTU RGB+D is in here. An accuracy on these',
            'files says nothing about the accuracy on NTU RGB+D or on any real data.',
            '',
            f'generator: mmcmd.datasets.synthetic, version {VERSION}',
            *(f'{name}: {value}' for name, value in vars(self).items()),
            f'files: {self.size}',
            '',
            'classes:',
            *classes,
        )
        return '\n'.join(lines) + '\n'


def setup_of(subject: int) -> int:
    """Return the setup (camera heights and distances) in which a subject is recorded."""
    return (subject - 1) % SETUPS + 1
