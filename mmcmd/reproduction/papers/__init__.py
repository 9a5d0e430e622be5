"""Published papers (one file each), the comparison of their methods, and the leaderboard."""

from mmcmd.errors import InputError
from mmcmd.reproduction.paper import Method, Table
from mmcmd.reproduction.papers import (
    aimclr,
    cmd,
    cmd_tables,
    comparison,
    generative,
    isc,
    leaderboard,
    masked,
    pcm3,
    skeletonclr_crossclr,
)

PAPERS = (
    *(cmd_tables, cmd, skeletonclr_crossclr, aimclr, isc, pcm3, generative, masked),
    *(comparison, leaderboard),
)
METHODS: dict[str, Method] = {k: x for paper in PAPERS for k, x in paper.METHODS.items()}
"""Maps names to methods, for all papers."""
TABLES: dict[str, Table] = {k: x for paper in PAPERS for k, x in paper.TABLES.items()}
"""Maps names to tables, for all papers."""


def get_method(name: str) -> Method:
    """Return a method by its name.

    Raises:
        InputError: If there is no such method.
    """
    if name not in METHODS:
        raise InputError(f'there is no method {name!r}; methods are {"; ".join(METHODS)}')
    return METHODS[name]
