"""Sequences without alignment (CTC): the strings that are left when repeats are merged and blanks dropped."""

from __future__ import annotations

import numpy as np

from lightweight_cli.checking.certify.evidence import Drop, Evidence, of_shares, wide
from lightweight_cli.checking.metrics.edit_distance import distances, merged, packed
from lightweight_cli.checking.metrics.reading import Reading, logits

BLANKS = 0.2
"""Share of the steps that choose the first or the last class, from which on it is taken for the blank."""


class Strings(Evidence):
    """Scores [n, steps, classes]. A row is the share of the original's string that changed, at most 1.

    The original's probabilities say little here: a step that changes seldom changes the string.
    """

    def __init__(self, blank: int, read: Reading) -> None:
        super().__init__()
        self.blank, self.read = blank, read

    def add(self, x: np.ndarray, y: np.ndarray) -> None:
        """Add scores; a candidate's that are NaN are no string."""
        self.compare(x, y, self.plain)
        with np.errstate(all="ignore"):
            self.compare(logits(x, self.read), logits(y, self.read), self.error)
        old, new = (packed(merged(v.argmax(-1).astype(np.int64), self.blank)) for v in (x, y))
        length = np.maximum((old >= 0).sum(1), 1)
        lost = np.minimum(distances(new, old) / length, 1.0)
        self.parts.append(np.where(np.isnan(y).any((1, 2)), 1.0, lost)[:, None])

    def scores(self, values: np.ndarray) -> np.ndarray:
        """Return what stands before the softmax."""
        return logits(values, self.read, wide(values))

    def drop(self) -> Drop | None:
        """Return what the character accuracy may lose: at most the edits between the strings, whatever is right."""
        lost = self.rows[:, 0]
        return of_shares(lost, lost) if len(lost) else None


def blank_of(scores: np.ndarray) -> int | None:
    """Return the class that stands for no symbol, by the first batch [n, steps, classes]; None: no class is one."""
    chosen, last = scores.argmax(-1), scores.shape[-1] - 1
    share, blank = max((float(np.mean(chosen == c)), -c) for c in (0, last))
    return -blank if share >= BLANKS else None
