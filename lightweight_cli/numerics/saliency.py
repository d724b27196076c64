"""How much a weight matters: what is pruned has the least of it.

    magnitude   |w|                                   Han et al. 2015, arXiv:1506.02626
    share       sum |w| of the output / sum |w|        the output's share: whole neurons and filters go first
    wanda       |w_j| sqrt(S_jj)                       Sun et al. 2023, arXiv:2306.11695, equation 1
    obs         w_j^2 / [H^-1]_jj                      Hassibi, Stork 1993: what the loss grows by when all else makes up for it
    lamp        w^2 / sum of all v^2 with |v| >= |w|   Lee et al. 2021, arXiv:2010.07611: comparable across layers

Scores are [G, out, d] as the weight is, float64, and not negative.
"""

from __future__ import annotations

import numpy as np


def magnitude(weight: np.ndarray) -> np.ndarray:
    """|w| of a weight [G, out, d]."""
    return np.abs(weight.astype(np.float64))


def share(weight: np.ndarray) -> np.ndarray:
    """The share that an output of a weight [G, out, d] has in the total |w|."""
    sizes = magnitude(weight)
    outputs = sizes.sum(axis=2, keepdims=True)
    total = outputs.sum()
    return np.broadcast_to(outputs / (total if total else 1.0), weight.shape)


def wanda(weight: np.ndarray, S: np.ndarray) -> np.ndarray:
    """|w| times the norm of its input, with second moments S [G, d, d]."""
    return magnitude(weight) * np.sqrt(np.einsum("gii->gi", S))[:, None]


def obs(weight: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """w^2 / [H^-1]_jj, with the diagonal of the inverse [G, d]."""
    return np.square(weight.astype(np.float64)) / inverse[:, None]


def inverse_diagonal(U: np.ndarray) -> np.ndarray:
    """[H^-1]_jj [G, d] float64, with the factor U [G, d, d] of the inverse, U'U = H^-1."""
    return np.einsum("gki,gki->gi", U, U, dtype=np.float64)


def lamp(weight: np.ndarray) -> np.ndarray:
    """w^2 over the squares of all weights of any shape that are no smaller."""
    squares = np.square(weight.astype(np.float64)).reshape(-1)
    order = np.argsort(squares, kind="stable")
    ascending = squares[order]
    rest = np.cumsum(ascending[::-1])[::-1]
    scores = np.empty_like(ascending)
    scores[order] = np.divide(ascending, rest, out=np.zeros_like(ascending), where=rest > 0)
    return scores.reshape(weight.shape)
