"""float64 where it is affordable, float32 where the products take seconds.

Sums over the columns of a large layer average their rounding out: 4096 x 4096, objectives differ by 1e-6 of their value.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# Multiplications of one product of W [G, out, d] with H [G, d, d]. float64 takes twice the time: at the limit .06 s more.
PRECISE = 1 << 31


def working(shape: tuple[int, ...]) -> np.dtype[Any]:
    """Type in which a weight of shape [G, out, d] is worked on."""
    groups, outputs, d = shape
    return np.dtype(np.float64 if groups * outputs * d * d <= PRECISE else np.float32)
