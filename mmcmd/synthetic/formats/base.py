"""Base class of the raw formats, which write performances to files."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from mmcmd.errors import InputError

from ..actions import ACTIONS
from ..plan import Performance, Plan

Unit = tuple[Performance, ...]
"""Performances that are written in one process."""

ALL = tuple(range(1, len(ACTIONS) + 1))
SOLO = tuple(number for number in ALL if not ACTIONS[number - 1].partner)
"""Numbers of the actions of one person."""


class Format(ABC):
    """A raw format.

    Attributes:
        title (str): Name of the data set that uses the format.
        actions (tuple[int, ...]): Numbers of the actions that the format supports, in the order of
            its classes.
        limits (dict[str, int]): Maximum of some attributes of a :class:`Plan`.
    """

    title: ClassVar[str]
    actions: ClassVar[tuple[int, ...]] = ALL
    limits: ClassVar[dict[str, int]] = {}

    def plan(self, **given: Any) -> Plan:
        """Return a plan. Missing values are the defaults of :class:`Plan`, but within the limits.

        Raises:
            InputError: If a value exceeds a limit of the format.
        """
        limits = {'actions': len(self.actions), **self.limits}
        defaults = {name: min(getattr(Plan, name), most) for name, most in limits.items()}
        plan = Plan(**defaults | {key: value for key, value in given.items() if value is not None})
        self.check(plan)
        return plan

    def check(self, plan: Plan) -> None:
        """Check that the format supports a plan.

        Raises:
            InputError: If a value exceeds a limit of the format.
        """
        for name, most in {'actions': len(self.actions), **self.limits}.items():
            if getattr(plan, name) > most:
                raise InputError(
                    f'{name} must lie in [1, {most}] in the format of {self.title}, '
                    f'not {getattr(plan, name)}'
                )

    def units(self, plan: Plan) -> list[Unit]:
        """List the units. Each is written in one process. A unit may have no performance."""
        return [(performance,) for performance in plan.performances(self.actions)]

    @abstractmethod
    def names(self, plan: Plan, unit: Unit) -> list[str]:
        """Return the names of the files of a unit, relative to the output folder."""

    @abstractmethod
    def contents(self, plan: Plan, unit: Unit, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Yield the name and the content of some files of a unit. Both depend only on the plan."""

    def count(self, plan: Plan) -> int:
        """Return the number of files, without the label."""
        return sum(len(self.names(plan, unit)) for unit in self.units(plan))

    def label(self, plan: Plan) -> str:
        """Return the text that marks the data set as synthetic."""
        classes = [ACTIONS[number - 1].name for number in self.actions[: plan.actions]]
        return plan.label(self.title, self.count(plan), classes)
