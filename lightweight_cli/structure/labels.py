"""Labels of the positions of axes: equal ones stay or go together, frozen ones stay."""

from __future__ import annotations

import numpy as np

FREE = 0
"""The reason of a label that may go."""


class Labels:
    """A union-find over labels, each of which may be frozen with a reason."""

    def __init__(self) -> None:
        self.count = 0
        self.parents = np.empty(1024, np.int64)
        self.why = np.zeros(1024, np.int32)
        self.reasons = [""]

    def new(self, count: int) -> np.ndarray:
        """Return so many new labels, each apart from all others."""
        start, self.count = self.count, self.count + count
        if self.count > len(self.parents):
            more = max(self.count, 2 * len(self.parents))
            self.parents = np.concatenate([self.parents, np.empty(more - len(self.parents), np.int64)])
            self.why = np.concatenate([self.why, np.zeros(more - len(self.why), np.int32)])
        found = np.arange(start, self.count)
        self.parents[start : self.count] = found
        return found

    def find(self, labels: np.ndarray) -> np.ndarray:
        """Return the label that stands for each: equal for those that are tied."""
        roots = self.parents[labels]
        while not np.array_equal(above := self.parents[roots], roots):
            roots = above
        self.parents[labels] = roots
        return roots

    def tie(self, a: np.ndarray, b: np.ndarray) -> None:
        """Let each label of `a` stay or go with the one of `b` at its place; if either is frozen, both are."""
        x, y = np.broadcast_arrays(self.find(a), self.find(b))
        for i in np.flatnonzero(x != y).tolist():
            one, other = sorted(self.find(np.array([x.flat[i], y.flat[i]])).tolist())
            if one != other:
                self.parents[other] = one
                self.why[one] = self.why[one] or self.why[other]

    def freeze(self, labels: np.ndarray, reason: str) -> None:
        """Let labels stay, with the reason; one that is frozen already keeps its own."""
        if reason not in self.reasons:
            self.reasons.append(reason)
        roots = self.find(labels)
        free = roots[self.why[roots] == FREE]
        self.why[free] = self.reasons.index(reason)

    def frozen(self, labels: np.ndarray) -> np.ndarray:
        """Return which labels are frozen, as bool."""
        return self.why[self.find(labels)] != FREE

    def reason(self, labels: np.ndarray) -> str:
        """Return why the first frozen one of the labels is."""
        found = self.why[self.find(labels)]
        return self.reasons[found[found != FREE][0]] if (found != FREE).any() else ""
