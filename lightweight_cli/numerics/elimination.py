"""In which order inputs of layers go so that least is lost, where what stays makes up for what went.

Taking a block u of inputs out of a layer W with moments H, and solving the rest again, costs

    tr W_u (H^-1_uu)^-1 W_u'      after which   W -= W_u (H^-1_uu)^-1 H^-1_u,   H^-1 -= H^-1_,u (H^-1_uu)^-1 H^-1_u,

Blocks that belong together are taken out of several layers at once; each layer's cost is relative to the power of its outputs.

Source: Hassibi, Stork 1993 (OBS); Kurtic et al. 2022, arXiv:2203.07259, for blocks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MOST = 64
"""Times that costs are found anew: of more blocks several go at once."""


class Reader:
    """A layer [out, d] that reads blocks of inputs, and the damped second moments [d, d] of those."""

    def __init__(self, weight: np.ndarray, moments: np.ndarray, blocks: np.ndarray) -> None:
        """`blocks`: [d] the block of each input, -1 for none that may go."""
        self.weight = weight.astype(np.float64)
        self.power = float(np.einsum("od,de,oe->", self.weight, moments, self.weight, optimize=True)) or 1.0
        self.inverse = np.linalg.inv(moments)
        self.blocks = {int(u): np.flatnonzero(blocks == u) for u in np.unique(blocks[blocks >= 0])}

    def costs(self, count: int) -> np.ndarray:
        """Return what taking each of `count` blocks costs now; 0 for those that it does not read."""
        found = np.zeros(count)
        by_size: dict[int, list[int]] = {}
        for u, columns in self.blocks.items():
            by_size.setdefault(len(columns), []).append(u)
        for units in by_size.values():
            at = np.stack([self.blocks[u] for u in units])
            inner = np.linalg.inv(self.inverse[at[:, :, None], at[:, None]])
            w = self.weight[:, at].transpose(1, 0, 2)
            found[units] = np.einsum("uoi,uij,uoj->u", w, inner, w, optimize=True)
        return found / self.power

    def remove(self, units: Sequence[int]) -> None:
        """Take blocks out and solve the rest again."""
        columns = np.concatenate([self.blocks.pop(u, np.zeros(0, int)) for u in units])
        if not len(columns):
            return
        move = np.linalg.solve(self.inverse[np.ix_(columns, columns)], self.inverse[columns])
        self.weight -= self.weight[:, columns] @ move
        self.inverse -= self.inverse[:, columns] @ move
        self.weight[:, columns] = 0


def order(readers: Sequence[Reader], count: int) -> np.ndarray:
    """Return for each of `count` blocks what has been lost when it goes: the first to go have the least.

    Raises: LinAlgError for moments that have no inverse.
    """
    lost, total = np.zeros(count), 0.0
    left = np.arange(count)
    each = max(1, count // MOST)
    while len(left):
        costs = sum((reader.costs(count) for reader in readers), np.zeros(count))[left]
        first = left[np.argsort(costs, kind="stable")[:each]]
        for u in first.tolist():
            total += max(0.0, float(costs[left == u][0]))
            lost[u] = total
        for reader in readers:
            reader.remove(first.tolist())
        left = np.setdiff1d(left, first)
    return lost
