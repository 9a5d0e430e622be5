"""The simulated actions. Each action is an entry of :data:`ACTIONS`.

An action is a list of moves. A move consists of a degree of freedom, an amount and a curve of time.
Names start with ``lead_`` (the side that the person prefers in this performance), ``off_`` (the
other side) or ``both_``. Some actions are similar on purpose, and differ only in rhythm, in reach
or in one joint.
"""

from dataclasses import dataclass

from .curves import Curve, hold, middle, stay, step, stride, swing, window


@dataclass(frozen=True)
class Move:
    """The movement of one degree of freedom along one curve.

    Attributes:
        freedom (str): Name of a degree of freedom with its side, or ``lift`` (height of the feet
            above the floor).
        amount (float): Degrees (for ``lift``, metres) where the curve is 1.
        curve (Curve): Function of the phase (T,) in [0, 1] and the number of repetitions.
    """

    freedom: str
    amount: float
    curve: Curve = hold


@dataclass(frozen=True)
class Action:
    """One class of the data set.

    Attributes:
        name (str): Name of the class.
        moves (tuple[Move, ...]): Moves of the person.
        seconds (tuple[float, float]): Range of the duration without pauses, in seconds.
        repeats (tuple[int, int]): Range of the number of repetitions, with both ends.
        partner (tuple[Move, ...]): Moves of the second person. Empty for actions of one person.
        touch (tuple[str, str, float]): A joint of each person and their distance in metres in the
            middle of the action. Names without a side mean the leading side.
        lag (float): Delay of the second person in seconds.
        seatable (bool): Whether the action can also be performed on a chair.
    """

    name: str
    moves: tuple[Move, ...]
    seconds: tuple[float, float] = (1.6, 2.8)
    repeats: tuple[int, int] = (1, 1)
    partner: tuple[Move, ...] = ()
    touch: tuple[str, str, float] = ('hand', 'hand', 0.0)
    lag: float = 0.0
    seatable: bool = False


def _walk(degrees: float, until: float = 1.0) -> tuple[Move, ...]:
    return (
        Move('lead_hip', degrees, stride(1, until)),
        Move('off_hip', degrees, stride(-1, until)),
        Move('lead_knee', 2 * degrees, step(1, until)),
        Move('off_knee', 2 * degrees, step(-1, until)),
        Move('lead_raise', -0.7 * degrees, stride(1, until)),
        Move('off_raise', -0.7 * degrees, stride(-1, until)),
    )


_HAND_UP = (Move('lead_raise', 112), Move('lead_spread', 28), Move('lead_elbow', 64))
_HANDS_MEET = (Move('both_raise', 38), Move('both_elbow', 75), Move('both_inward', 20))
_SHAKE = (
    Move('lead_raise', 52),
    Move('lead_inward', 20),
    Move('lead_elbow', 42),
    Move('lead_elbow', 18, swing),
    Move('bend', 8),
)
_FIVE = (
    Move('lead_raise', 112, middle),
    Move('lead_elbow', 50, middle),
    Move('lead_inward', 10, middle),
    Move('bend', 6, middle),
)
_HUG = (
    *_walk(16, until=0.45),
    Move('both_raise', 68, middle),
    Move('both_spread', 12, middle),
    Move('both_inward', 45, middle),
    Move('both_elbow', 62, middle),
    Move('bend', 10, middle),
)

ACTIONS: tuple[Action, ...] = (
    Action(
        'drink',
        (
            Move('lead_raise', 54),
            Move('lead_inward', 20),
            Move('lead_elbow', 134),
            Move('nod', -14, middle),
            Move('lead_raise', 12, middle),
        ),
        seatable=True,
    ),
    Action(
        'phone call',
        (
            Move('lead_raise', 56),
            Move('lead_spread', 42),
            Move('lead_elbow', 144),
            Move('tilt', 8),
        ),
        seconds=(2.0, 3.2),
        seatable=True,
    ),
    Action(
        'wave hand',
        (*_HAND_UP, Move('lead_inward', 58, swing), Move('lead_spread', 16, swing)),
        seconds=(1.8, 3.2),
        repeats=(2, 4),
        seatable=True,
    ),
    Action('raise hand', (*_HAND_UP, Move('lead_raise', 12, middle)), seatable=True),
    Action('handshake', _SHAKE, repeats=(2, 4), partner=_SHAKE),
    Action(
        'push',
        (
            Move('both_raise', 92),
            Move('both_inward', 6),
            Move('both_elbow', 95, window(0.05, 0.5)),
            Move('bend', 14, middle),
            Move('lead_hip', 22, middle),
            Move('lead_knee', 16, middle),
        ),
        partner=(
            Move('bend', -16, middle),
            Move('both_raise', 24, middle),
            Move('both_elbow', 30, middle),
            Move('off_hip', -20, stay),
            Move('nod', 12, middle),
        ),
        touch=('hand', 'spine_shoulder', 0.08),
        lag=0.15,
        seconds=(1.4, 2.4),
    ),
    Action(
        'clap',
        (*_HANDS_MEET, Move('both_inward', 22, swing), Move('both_spread', 8, swing)),
        repeats=(3, 7),
        seatable=True,
    ),
    Action(
        'rub hands',
        (
            *_HANDS_MEET,
            Move('both_inward', 7),
            Move('lead_raise', 14, swing),
            Move('off_raise', -14, swing),
            Move('lead_elbow', -14, swing),
            Move('off_elbow', 14, swing),
        ),
        repeats=(3, 7),
        seatable=True,
    ),
    Action(
        'sit down',
        (
            Move('both_sit', 84, stay),
            Move('bend', 34, window(0.0, 0.95)),
            Move('both_raise', 26, stay),
            Move('both_elbow', 30, stay),
        ),
    ),
    Action(
        'pick up',
        (
            Move('both_crouch', 56, middle),
            Move('bend', 66, middle),
            Move('lead_raise', 68, middle),
            Move('lead_elbow', 55, window(0.5, 1.0)),
            Move('nod', 10, middle),
        ),
    ),
    Action(
        'hug', _HUG, repeats=(2, 3), partner=_HUG, touch=('spine_mid', 'spine_mid', 0.3), lag=0.05
    ),
    Action('high five', _FIVE, partner=_FIVE, seconds=(1.4, 2.4)),
    Action(
        'kick',
        (
            Move('lead_hip', -24, window(0.0, 0.45)),
            Move('lead_knee', 62, window(0.05, 0.6)),
            Move('lead_hip', 66, window(0.35, 0.9)),
            Move('bend', -9, window(0.3, 0.9)),
            Move('off_raise', 26, window(0.2, 0.9)),
        ),
        repeats=(1, 2),
        seconds=(1.2, 2.4),
    ),
    Action(
        'march',
        (
            Move('lead_hip', 52, window(0.0, 0.5)),
            Move('lead_knee', 62, window(0.0, 0.5)),
            Move('off_hip', 52, window(0.5, 1.0)),
            Move('off_knee', 62, window(0.5, 1.0)),
            Move('off_raise', 26, window(0.0, 0.5)),
            Move('lead_raise', 26, window(0.5, 1.0)),
        ),
        repeats=(1, 3),
        seconds=(1.6, 3.0),
    ),
    Action(
        'jump',
        (
            Move('both_crouch', 42, window(0.0, 0.42)),
            Move('both_crouch', 30, window(0.62, 1.0)),
            Move('lift', 0.2, window(0.36, 0.7)),
            Move('both_raise', -30, window(0.0, 0.4)),
            Move('both_raise', 65, window(0.3, 0.8)),
            Move('bend', 20, window(0.0, 0.45)),
        ),
        repeats=(1, 2),
        seconds=(1.2, 2.4),
    ),
    Action(
        'bow',
        (Move('bend', 58, middle), Move('nod', 16, middle), Move('both_raise', 18, middle)),
        seconds=(1.6, 2.8),
    ),
)
