"""What a model takes or gives as arrays, whatever holds them."""

from __future__ import annotations

from typing import Any

import numpy as np


def arrays(value: Any) -> list[np.ndarray]:
    """Return the arrays in an output: itself, the members of a sequence, the values of maps by key."""
    if value is None:
        return []
    if isinstance(value, dict):
        return [np.asarray([value[k] for k in sorted(value)])]
    if isinstance(value, (list, tuple)):
        if value and all(isinstance(v, dict) and v.keys() == value[0].keys() for v in value):
            keys = sorted(value[0])
            return [np.asarray([[v[k] for k in keys] for v in value])]
        return [a for v in value for a in arrays(v)]
    return [np.asarray(value)]
