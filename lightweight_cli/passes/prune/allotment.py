"""How a share of all weights is shared out among the tensors, by scores that compare across them.

    lamp         saliency.lamp of each tensor
    sensitivity  what zeroing the weight adds to its layer's error, with all else making up for it: w^2 / [H^-1]_jj over the
                 power of the layer's outputs; it needs what the layer sees

Where a bias makes up for means, moments are those about the mean. By sensitivity no tensor loses more than half of what it would keep if
all lost alike: PP-OCRv4 rec's last layer, of 6,625 characters of which the data show a few, would have lost 92 % for a share of 50.

Scores are counted in bins of the leading bits of their float32, so that one reading of the weights serves and a tensor's scores need not
stay: within the bin at the limit, each tensor gets its part in proportion, the rest goes to the first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lightweight_cli.numerics import damping, saliency
from lightweight_cli.numerics.moments import Moments
from lightweight_cli.numerics.objective import objective

BITS = 20
"""Of a float32 that a bin leaves out: 8 bins for each power of 2."""
BINS = 1 << (32 - BITS - 1)


def lamp(values: np.ndarray) -> np.ndarray:
    """Return the bins of a tensor's LAMP scores."""
    return counted(saliency.lamp(values))


def sensitivity(matrix: np.ndarray, moments: Moments) -> np.ndarray:
    """Return the bins of what each weight of a matrix [G, out, d] adds to the relative error of its layer. Raises: ValueError."""
    S = moments.S / float(damping.mean_diagonal(moments.S).mean())
    _, U = damping.factored(S, damping.strength(S, moments.n))
    power = float(objective(matrix, S).sum())
    scores = saliency.obs(matrix, saliency.inverse_diagonal(U))
    return counted(np.where(matrix == 0, 0, scores / power if power else scores))


def most(share: float) -> float:
    """Return the largest share that a tensor loses by sensitivity, for a share of all."""
    return (1 + share) / 2


def counted(scores: np.ndarray) -> np.ndarray:
    """Return how many scores, not negative, lie in each bin. Raises: ValueError for NaN."""
    with np.errstate(over="ignore", under="ignore"):
        narrow = scores.reshape(-1).astype(np.float32)
    if np.isnan(narrow).any():
        raise ValueError("it has NaN")
    return np.bincount(narrow.view(np.uint32) >> BITS, minlength=BINS)


def allot(bins: Sequence[np.ndarray], count: int, most: float = 1.0) -> list[int]:
    """Return how many weights of each tensor are among the `count` of least score, at most the share `most` of any."""
    if not bins:
        return []
    table = np.stack(bins)
    sizes = table.sum(axis=1)
    limits = np.maximum(np.ceil(most * sizes).astype(np.int64), table[:, 0])  # zeros that are there stay
    found, open_ = sizes.copy(), np.ones(len(table), bool)
    while open_.any():
        found[open_] = _least(table[open_], count - int(found[~open_].sum()))
        over = open_ & (found > limits)
        if not over.any():
            break
        found[over], open_ = limits[over], open_ & ~over
    return [int(n) for n in found]


def _least(table: np.ndarray, count: int) -> np.ndarray:
    upto = np.cumsum(table.sum(axis=0))
    limit = int(np.searchsorted(upto, count))
    if limit >= table.shape[1]:
        return table.sum(axis=1)
    below, at = table[:, :limit].sum(axis=1), table[:, limit]
    left = count - int(below.sum())
    part = at * left // max(1, int(at.sum()))
    part[np.flatnonzero(at > part)[: left - int(part.sum())]] += 1
    return below + part
