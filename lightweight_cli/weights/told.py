"""What a pass tells of a weight's new values, beside where they are stored."""

from __future__ import annotations

from typing import NamedTuple


class Told(NamedTuple):
    """How a weight's values were chosen, for the report."""

    bits: float | None = None
    """Of each value."""
    method: str = ""
    """In words, and why where it is not what was asked for."""
    error: float | None = None
    """Of the layer's outputs on rows that chose nothing: squared, relative to their power."""


NOTHING = Told()
