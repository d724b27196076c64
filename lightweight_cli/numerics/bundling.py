"""Which weights are worth one split tree together: pairs merge while that saves bytes, the most promising pair first.

A tree of its own costs a weight its nodes and the table of its values; in a bundle it has what parts it from the others, and codes that
are a little longer, as the tree fits all:

    promise(i, j)  nodes and values that are had once instead of twice - (H(i + j) - H(i) - H(j)) / 8

with H(i) = n log n - sum of c log c, in bits, of the counts c of a group and their sum n. The promise orders the pairs; the best tree of
the merged counts decides. Histograms are all it looks at: no code is read.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

MOST = 2_000_000
"""Codes of a bundle: decoding it takes memory for all of them at once."""
CODES = 256
"""Different ones that a tree can hold."""
MEMBERS = 63
"""Weights of a bundle."""
WORK = 1 << 26
"""Entropies of single codes that are computed at most, a fraction of a second: beyond, the largest weights stay alone."""
MOST_TREES = 1500
"""Trees that are tried, a third of a millisecond each, before it ends."""


NEAR = 0.8
"""Of what a pair promised: if it saves as much, no better one is looked for."""
LOAN = 300.0
"""Bytes that a pair may cost where no pair saves any: it is several that are worth the nodes of one tree."""


def grouped(counts: np.ndarray, alone: np.ndarray, member: np.ndarray, tree: Callable[[np.ndarray], float]) -> list[list[int]]:
    """Return the groups of two and more that are worth a bundle.

    `counts` [n, L]: how often each of n weights has each of L codes. `alone` [n]: bytes of each by itself; `member` [n]: of what it needs
    beside the tree in a bundle. `tree` gives the bytes of the best tree of counts [L].
    """
    fit = np.sort(np.argsort(counts.sum(1), kind="stable")[: int(np.sqrt(WORK / max(1, counts.shape[1])))])
    state = Groups(counts[fit], alone[fit], member[fit])
    state.merge_all(tree)
    found = [fit[m] for m in state.found()]
    left = np.setdiff1d(fit, np.concatenate([np.empty(0, np.int64), *found]), assume_unique=True)
    state = Groups(counts[left], alone[left], member[left])
    state.merge_all(tree, LOAN)
    state.merge_all(tree)
    for few in state.found():
        which = left[few]
        if tree(counts[which].sum(0)) + member[which].sum() < alone[which].sum():
            found.append(which)
    return [which.tolist() for which in found]


class Groups:
    """What is known of each group: its counts, its bytes, those of its members beside the tree, what it takes above the entropy."""

    def __init__(self, counts: np.ndarray, nbytes: np.ndarray, member: np.ndarray) -> None:
        self.counts, self.nbytes, self.member, self.sizes = counts.copy(), nbytes.astype(float), member.astype(float), counts.sum(1)
        self.excess = np.maximum(0.0, nbytes - bits(counts) / 8)
        self.members = [[i] for i in range(len(counts))]
        self.live = np.arange(len(counts))

    def found(self) -> list[list[int]]:
        """Return the groups of two and more."""
        return [sorted(self.members[i]) for i in self.live if len(self.members[i]) > 1]

    def merge_all(self, tree: Callable[[np.ndarray], float], loan: float = 0.0) -> None:
        """Merge pairs while that saves bytes; of two weights by themselves, while it costs no more than a loan."""
        n = len(self.counts)
        saves, tried = np.full((n, n), -np.inf), np.zeros((n, n), bool)
        for at, which in enumerate(self.live.tolist()):
            saves[which, self.live[:at]] = self.promise(which, self.live[:at], loan)
        for _ in range(MOST_TREES if n > 1 else 0):
            i, j = divmod(int(np.argmax(saves)), n)
            if not saves[i, j] > 0:
                return
            if not tried[i, j]:  # what it is worth is put in the promise's place
                promised, saves[i, j], tried[i, j] = saves[i, j], self.saved(i, j, tree, loan), True
                if saves[i, j] < NEAR * promised:
                    continue
            self.merge(i, j, float(saves[i, j]) - self.lent(i, np.array([j]), loan)[0])
            saves[i, :] = saves[:, i] = -np.inf
            others = self.live[self.live != j]
            new, below = self.promise(j, others, loan), others < j
            saves[j, others[below]], saves[others[~below], j] = new[below], new[~below]
            tried[j, :] = tried[:, j] = False

    def promise(self, i: int, others: np.ndarray, loan: float) -> np.ndarray:
        """Return about how many bytes it saves to merge a group with others, each by itself; -inf where a bundle can't be."""
        both = self.counts[others] + self.counts[i]
        fits = (np.count_nonzero(both, axis=1) <= CODES) & (self.sizes[others] + self.sizes[i] <= MOST)
        fits &= np.array([len(self.members[o]) + len(self.members[i]) <= MEMBERS for o in others], bool)
        total = bits(both) / 8 + np.minimum(self.excess[others], self.excess[i]) + self.member[others] + self.member[i]
        return np.where(fits, self.nbytes[others] + self.nbytes[i] - total + self.lent(i, others, loan), -np.inf)

    def lent(self, i: int, others: np.ndarray, loan: float) -> np.ndarray:
        """Return the bytes that it need not save to merge two weights by themselves."""
        return np.array([loan if len(self.members[o]) == len(self.members[i]) == 1 else 0.0 for o in others])

    def saved(self, i: int, j: int, tree: Callable[[np.ndarray], float], loan: float) -> float:
        """Return the bytes that it saves to merge two groups."""
        both = tree(self.counts[i] + self.counts[j]) + self.member[i] + self.member[j]
        return float(self.nbytes[i] + self.nbytes[j] - both + self.lent(i, np.array([j]), loan)[0])

    def merge(self, i: int, j: int, saved: float) -> None:
        """Make `j` both groups."""
        self.counts[j] += self.counts[i]
        self.nbytes[j] += self.nbytes[i] - saved
        self.member[j] += self.member[i]
        self.sizes[j] += self.sizes[i]
        self.members[j] += self.members[i]
        self.live = self.live[self.live != i]
        self.excess[j] = max(0.0, self.nbytes[j] - self.member[j] - bits(self.counts[j : j + 1])[0] / 8)


def bits(counts: np.ndarray) -> np.ndarray:
    """Return the entropy of all codes together, of each row of counts."""
    whole = counts.sum(1).astype(float)
    parts = np.where(counts > 0, counts, 1).astype(float)
    return whole * np.log2(np.maximum(whole, 1)) - (parts * np.log2(parts)).sum(1)
