"""How performances become files: what a raw format has to say about itself."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from mmcmd.errors import InputError

from ..actions import ACTIONS
from ..plan import Performance, Plan

Unit = tuple[Performance, ...]
"""Performances that are written together."""

ALL = tuple(range(1, len(ACTIONS) + 1))
SOLO = tuple(number for number in ALL if not ACTIONS[number - 1].partner)
"""Numbers of the actions of one person."""


class Format(ABC):
    """A raw format.

    Attributes:
        title (str): Name of the data set that has it.
        actions (tuple[int, ...]): Numbers of the actions it can hold, in the order of its classes.
        limits (dict[str, int]): The most that it can hold of what a :class:`Plan` counts.
    """

    title: ClassVar[str]
    actions: ClassVar[tuple[int, ...]] = ALL
    limits: ClassVar[dict[str, int]] = {}

    def plan(self, **given: Any) -> Plan:
        """Make a plan; what is not given is :class:`Plan`'s default or the most there can be.

        Raises:
            InputError: If more is asked for than the format holds.
        """
        limits = {'actions': len(self.actions), **self.limits}
        defaults = {name: min(getattr(Plan, name), most) for name, most in limits.items()}
        plan = Plan(**defaults | {key: value for key, value in given.items() if value is not None})
        self.check(plan)
        return plan

    def check(self, plan: Plan) -> None:
        """Check that the format can hold what is planned.

        Raises:
            InputError: If it cannot.
        """
        for name, most in {'actions': len(self.actions), **self.limits}.items():
            if getattr(plan, name) > most:
                raise InputError(
                    f'{name} must lie in [1, {most}] in the format of {self.title}, '
                    f'not {getattr(plan, name)}'
                )

    def units(self, plan: Plan) -> list[Unit]:
        """List what is written together, each in one process; a unit may have no performance."""
        return [(performance,) for performance in plan.performances(self.actions)]

    @abstractmethod
    def names(self, plan: Plan, unit: Unit) -> list[str]:
        """Name the files of a unit, relative to the folder."""

    @abstractmethod
    def contents(self, plan: Plan, unit: Unit, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Make some of the files of a unit: names and contents, functions of the plan alone."""

    def count(self, plan: Plan) -> int:
        """Return the number of files, without the label."""
        return sum(len(self.names(plan, unit)) for unit in self.units(plan))

    def label(self, plan: Plan) -> str:
        """Return the text that marks the data set as synthetic."""
        classes = [ACTIONS[number - 1].name for number in self.actions[: plan.actions]]
        return plan.label(self.title, self.count(plan), classes)
