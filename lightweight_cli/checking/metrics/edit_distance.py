"""Character accuracy of sequences, also after greedy CTC decoding."""

from __future__ import annotations

import numpy as np

from lightweight_cli.checking.metrics.base import Metric

PAD = -1


class EditDistance(Metric):
    """1 - (insertions + deletions + substitutions) / length of the labels, over all samples.

    Output [n, steps, classes] scores or [n, steps] class numbers; labels [n, length] class numbers,
    padded with negatives. With a blank: repeats are merged, then blanks dropped.
    Source: Graves et al. 2006, Connectionist Temporal Classification, section 3.2 (best path).
    """

    ratio = True

    def __init__(self, blank: int | None) -> None:
        self.blank, self.name = blank, "edit" if blank is None else "ctc"

    def fits(self, output: np.ndarray, labels: np.ndarray) -> bool:
        """Whether both are sequences."""
        scores = output.dtype.kind == "f" and output.ndim == 3 and output.shape[2] > 1
        return labels.dtype.kind in "iu" and labels.ndim == 2 and (
            scores or (output.dtype.kind in "iu" and output.ndim == 2))

    def rows(self, output: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return [n, 2]: edits, length of the label."""
        said = (output.argmax(-1) if output.dtype.kind == "f" else output).astype(np.int64)
        said, true = packed(said if self.blank is None else merged(said, self.blank)), packed(labels.astype(np.int64))
        return np.stack([distances(said, true), (true >= 0).sum(1)], 1).astype(np.float64)

    def classes(self, output: np.ndarray, labels: np.ndarray) -> int:
        """Return how many classes each step scores."""
        return output.shape[2] if output.dtype.kind == "f" else 0

    def value(self, rows: np.ndarray) -> float:
        """Return 1 when every sequence is right; below 0 when edits outnumber the labels."""
        edits, length = rows.sum(0)
        return float(1 - edits / length) if length else float("nan")


def merged(said: np.ndarray, blank: int) -> np.ndarray:
    """Return class numbers [n, steps] with repeats and blanks as padding."""
    repeated = np.zeros(said.shape, bool)
    repeated[:, 1:] = said[:, 1:] == said[:, :-1]
    return np.where(repeated | (said == blank), PAD, said)


def packed(sequences: np.ndarray) -> np.ndarray:
    """Move the padding of each row to its end, keeping the order of the rest."""
    order = np.argsort(sequences < 0, axis=1, kind="stable")
    packed = np.take_along_axis(sequences, order, 1)
    return packed[:, : int((sequences >= 0).sum(1).max(initial=0))]


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the edit distance of each pair of rows, [n]; rows end in padding.

    One step of the recurrence takes a whole row of all tables: insertions, which depend on their
    left neighbour, are a running minimum of (distance - column).
    """
    columns = np.arange(b.shape[1] + 1)
    row = np.broadcast_to(columns, (len(a), columns.size)).copy()
    lengths, ends = (a >= 0).sum(1), (b >= 0).sum(1)
    samples = np.arange(len(a))
    result = row[samples, ends].copy()
    for i in range(a.shape[1]):
        best = row + 1
        best[:, 1:] = np.minimum(best[:, 1:], row[:, :-1] + (a[:, i : i + 1] != b))
        row = np.minimum.accumulate(best - columns, axis=1) + columns
        result = np.where(lengths == i + 1, row[samples, ends], result)
    return result
