"""Forms of a weight that are not asked for before it is known whether there is room for them at load."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from lightweight_cli.weights.emission import Emission


class Further(NamedTuple):
    """Forms that may be smaller than those there are, and take more at load."""

    make: Callable[[], Sequence[Emission]]
    """Gives all forms, these and those there are."""
    nbytes: float
    """The least that one of them takes in the file, and what each takes at load at least: whole, or decoded by rows."""
    load_bytes: float
    row_bytes: float
    smaller: Callable[[], bool | None]
    """Whether one of them is smaller than all there are; None where that is not sure."""
