"""What calibration tells of a weight: numbers of a size that does not depend on the samples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightweight_cli.calibration.histogram import Histogram
from lightweight_cli.numerics.held_out import HeldOut
from lightweight_cli.numerics.moments import Moments


class Statistics(NamedTuple):
    """What a weight's operators see, W being [groups, outputs, inputs] as weights/matrix.py has it."""

    moments: Moments | None = None
    """Of the rows it multiplies; with targets, those of the original. A layer with more than parts.WIDEST inputs in its parts, as
    numerics/parts.py cuts them. None: nothing is multiplied, in a Gather."""
    largest: np.ndarray | None = None  # [groups, inputs] |x|, of those rows
    counts: np.ndarray | None = None  # [outputs] how often an entry was read, by a Gather
    histogram: Histogram | None = None
    """Of all that reaches the operator, where asked for."""
    held: HeldOut | None = None
    """Rows that are not in the moments, to judge a result by; never cut into parts. None: not asked for, or too few rows."""
