"""What is known of values of the main graph by calibration data, for the forms that need it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

Ranges = Mapping[str, tuple[float, float]]


class Seen(NamedTuple):
    """By the names of values."""

    ranges: Ranges = {}
    """Of what static layers read and write."""
    balance: Mapping[str, np.ndarray] = {}
    """By what each channel is divided before it is rounded, and the weights that read it are multiplied by."""


NOTHING = Seen()
