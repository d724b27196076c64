"""Top-1 agreement: how often both models choose the same."""

from __future__ import annotations

import numpy as np

from lightweight_cli.checking.metrics.classes import class_axis


class Agreement:
    """Share of equal choices: argmax over the classes of floats, the values themselves for the rest.

    Where an output's classes are, or that it has none, the first batch with finite values decides, by the rule of
    `class_axis`. A row in which the reference chooses nothing (NaN, or no finite score) is left out.
    """

    def __init__(self, name: str = "", operator: str | None = None, classes: int | None = None) -> None:
        self.name, self.operator, self.classes = name, operator, classes
        self.decided, self.axis = False, 0
        self.equal = self.count = 0

    def update(self, x: np.ndarray, y: np.ndarray) -> None:
        """Add arrays of equal shape, whole outputs of one batch."""
        if np.issubdtype(x.dtype, np.floating):
            if not self.decided and np.isfinite(x).any():
                axis = class_axis(x, self.name, self.operator, self.classes)
                self.decided, self.axis = True, axis or 0
            if not self.axis or x.ndim <= self.axis or not x.size:
                return
            best = x.max(self.axis)  # NaN where there is one
            clear = np.isfinite(best)
            x, y = x.argmax(self.axis)[clear], y.argmax(self.axis)[clear]
        self.equal += int(np.count_nonzero(x == y))
        self.count += x.size

    def value(self) -> float | None:
        """Return 0..1, None when no output had classes."""
        return self.equal / self.count if self.count else None
