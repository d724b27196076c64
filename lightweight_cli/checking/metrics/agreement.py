"""Top-1 agreement: how often both models choose the same."""

from __future__ import annotations

import numpy as np

MOST_CLASSES = 1_000_000


class Agreement:
    """Share of equal choices: argmax over the last axis for floats, the values themselves for the rest.

    Floats need a last axis of two classes or more in front of which a sample axis stands.
    """

    def __init__(self) -> None:
        self.equal = self.count = 0

    def update(self, x: np.ndarray, y: np.ndarray) -> None:
        """Add arrays of equal shape, whole outputs of one batch."""
        if np.issubdtype(x.dtype, np.floating):
            if x.ndim < 2 or not 2 <= x.shape[-1] <= MOST_CLASSES or not x.size:
                return
            x, y = x.argmax(-1), y.argmax(-1)
        self.equal += int(np.count_nonzero(x == y))
        self.count += x.size

    def value(self) -> float | None:
        """Return 0..1, None when no output had classes."""
        return self.equal / self.count if self.count else None
