"""What is known of values and layers of the main graph by calibration data, for the forms that need it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from lightweight_cli.compute.integers import Integers
from lightweight_cli.weights.weight import Key

Ranges = Mapping[str, tuple[float, float]]


class Seen(NamedTuple):
    """By the names of values, and the keys of layers."""

    ranges: Ranges = {}
    """Of what static layers read and write."""
    balance: Mapping[str, np.ndarray] = {}
    """By what each channel is divided before it is rounded, and the weights that read it are multiplied by."""
    divided: Ranges = {}
    """Of balanced values, after they are divided."""
    codes: Mapping[Key, Integers] = {}
    """Of weights that are not to be rounded to nearest; of balanced ones, times their factors."""
    shifts: Mapping[Key, np.ndarray] = {}
    """What is added to the bias of a layer, so that its mean output is right."""


NOTHING = Seen()
