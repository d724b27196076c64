"""What became of one weight: its codes, and how they were chosen."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightweight_cli.encodings.coded import Coded

DATA, PRIOR, NEAREST = "second order on data", "second order on a prior", "nearest"
CLIPPED = "nearest, clipped for the least weight error"
MIX = "second order on synthetic inputs and a prior"
"""How a weight got its codes, as the report says it."""
WORSE = "nearest: second order was no better on held-out rows"
LATE = "nearest: the time was over"


class Result(NamedTuple):
    """A weight's codes, and how they were chosen."""

    coded: Coded
    method: str
    error: float | None = None
    """Of the layer's outputs on held-out rows, relative to their power; None: there are no such rows."""
    shift: np.ndarray | None = None
    """[outputs] to add to the bias, so that the mean output is the original's; None: the bias stays."""
