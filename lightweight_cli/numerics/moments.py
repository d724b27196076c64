"""What calibration leaves of a layer: second moments of its inputs, and of its inputs with its outputs.

A layer is y = W x + b, per group: W [G, out, d], rows x [G, n, d], y [G, n, out] without b. An ordinary layer has
G = 1; a grouped or depthwise Conv has its groups. Inputs are those of the compressed model, outputs those of the original.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Moments(NamedTuple):
    """Means over n rows; float64."""

    S: np.ndarray  # [G, d, d] x'x, symmetric
    n: int | None = None  # rows; None: exact, as a prior is
    C: np.ndarray | None = None  # [G, out, d] y'x; None: the outputs are W x
    mx: np.ndarray | None = None  # [G, d] x
    my: np.ndarray | None = None  # [G, out] y


def of_rows(x: np.ndarray, y: np.ndarray | None = None) -> Moments:
    """Moments of all rows at once, x [G, n, d] and y [G, n, out].

    Raises: ValueError if there are no rows.
    """
    if not x.shape[1]:
        raise ValueError("no rows to calibrate on")
    x = x.astype(np.float64)
    n = x.shape[1]
    if y is None:
        return Moments(x.transpose(0, 2, 1) @ x / n, n, mx=x.mean(1))
    y = y.astype(np.float64)
    return Moments(x.transpose(0, 2, 1) @ x / n, n, y.transpose(0, 2, 1) @ x / n, x.mean(1), y.mean(1))


def centred(moments: Moments) -> Moments:
    """Covariances, for a layer whose bias may change: S - mx mx', C - my mx'.

    Raises: ValueError if a mean is missing.
    """
    if moments.mx is None or (moments.C is not None and moments.my is None):
        raise ValueError("moments without means can't be centred")
    S = moments.S - moments.mx[:, :, None] * moments.mx[:, None]
    if moments.C is None or moments.my is None:
        return moments._replace(S=S)
    return moments._replace(S=S, C=moments.C - moments.my[:, :, None] * moments.mx[:, None])


def bias_shift(weight: np.ndarray, decoded: np.ndarray, moments: Moments) -> np.ndarray:
    """What to add to the bias so that the mean output is right again: my - Q mx, with my = W mx if there are no outputs.

    Weight W and decoded Q [G, out, d].

    Returns: [G, out] float64.
    Raises: ValueError if the mean input is missing.
    """
    if moments.mx is None:
        raise ValueError("moments without means can't correct a bias")
    mx = moments.mx[:, :, None]
    wanted = weight.astype(np.float64) @ mx if moments.my is None else moments.my[:, :, None]
    return (wanted - decoded.astype(np.float64) @ mx)[:, :, 0]


def checked(weight: np.ndarray, moments: Moments) -> None:
    """Refuse what no solver can use.

    Raises: ValueError for shapes that don't fit each other, for NaN and infinities, for no rows.
    """
    if weight.ndim != 3 or not weight.size:
        raise ValueError(f"weight of shape {list(weight.shape)}: must be [groups, outputs, inputs], none of them 0")
    groups, outputs, d = weight.shape
    shapes = {"S": (groups, d, d), "C": (groups, outputs, d), "mx": (groups, d), "my": (groups, outputs)}
    for name, shape in shapes.items():
        array = getattr(moments, name)
        if array is None:
            continue
        if array.shape != shape:
            raise ValueError(f"moment {name} of shape {list(array.shape)}: must be {list(shape)}")
        if not np.isfinite(array).all():
            raise ValueError(f"moment {name} is not finite: calibration rows have NaN or infinities")
    if not np.isfinite(weight).all():
        raise ValueError("weights are not finite")
    if moments.n is not None and moments.n < 1:
        raise ValueError("no rows to calibrate on")
