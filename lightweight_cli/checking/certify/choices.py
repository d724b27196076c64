"""Classifiers: what the original itself gives up by the answers that changed."""

from __future__ import annotations

import numpy as np

from lightweight_cli.checking.certify.evidence import Drop, Evidence, of_shares, wide
from lightweight_cli.checking.metrics.reading import Reading, logits, probabilities

OVERCONFIDENT = 1.6
"""Labelled drops over those expected by the original's own probabilities, which are too sure of themselves: .9 to 1.85 on three models."""


class Choices(Evidence):
    """One decision at every position, by the largest score.

    A row is [probability given up, share of changed answers], means over the sample's positions. A position where the original
    chooses nothing (NaN, no finite score) is left out; a candidate that chooses nothing there gives up all.
    """

    def __init__(self, axis: int, read: Reading) -> None:
        super().__init__()
        self.axis, self.read = axis, read

    def add(self, x: np.ndarray, y: np.ndarray) -> None:
        """Add scores [n, ...], the classes along the axis."""
        self.compare(x, y, self.plain)
        x, y = (np.moveaxis(v, self.axis, -1).reshape(len(v), -1, v.shape[self.axis]) for v in (x, y))
        clear = np.isfinite(x.max(-1))
        chosen = np.isfinite(y.max(-1))
        with np.errstate(all="ignore"):
            given = probabilities(x, self.read)
            self.compare(logits(x, self.read), logits(y, self.read), self.error)
        first, other = x.argmax(-1)[..., None], np.where(chosen, y.argmax(-1), 0)[..., None]
        lost = (np.take_along_axis(given, first, -1) - np.where(chosen[..., None], np.take_along_axis(given, other, -1), 0))[..., 0]
        changed = (first != other)[..., 0] | ~chosen
        some = clear.any(1)
        count = np.maximum(clear.sum(1), 1)
        rows = np.stack([np.where(clear, v, 0).sum(1) / count for v in (lost, changed)], 1)
        self.parts.append(rows[some])

    def scores(self, values: np.ndarray) -> np.ndarray:
        """Return what stands before the softmax."""
        return logits(np.moveaxis(values, self.axis, -1), self.read, wide(values))

    def drop(self) -> Drop | None:
        """Return the expected drop with a standard error added; the bound is the changed answers': no more can have been right."""
        given, changed = self.rows.T if len(self.rows) else (np.empty(0), np.empty(0))
        if not len(given):
            return None
        return of_shares(given, changed, OVERCONFIDENT)
