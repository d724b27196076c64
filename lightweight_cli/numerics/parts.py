"""Very wide layers as independent parts: a block-diagonal H, whose blocks are handled as groups.

H is d^2 doubles: 134 MB at d = 4096, and the solver needs five times that. Wider layers are cut into parts of at most
2048 columns, weight [1, out, d] -> [parts, out, width], the last padded with zero columns. Moments are collected part by
part, S [parts, width, width]; a scale per tensor [1, 1, 1] or per channel [1, out, 1] is shared by all parts.
"""

from __future__ import annotations

import numpy as np

WIDEST = 4096  # columns that are solved as a whole
PART = 2048


def width(d: int) -> int:
    """Columns of a part of a layer with d; d itself if it is solved as a whole."""
    return d if d <= WIDEST else -(-d // -(-d // PART))


def split(columns: np.ndarray) -> np.ndarray:
    """Cut weights or rows of inputs [1, m, d] into parts, padded with zeros.

    Returns: [parts, m, width]; the array itself if there is one part.
    """
    _, m, d = columns.shape
    each = width(d)
    if each == d:
        return columns
    padded = np.zeros((m, -(-d // each) * each), columns.dtype)
    padded[:, :d] = columns[0]
    return np.ascontiguousarray(padded.reshape(m, -1, each).transpose(1, 0, 2))


def merge(parts: np.ndarray, d: int) -> np.ndarray:
    """Undo `split` for codes or weights [parts, m, width].

    Returns: [1, m, d].
    """
    count, m, each = parts.shape
    return parts.transpose(1, 0, 2).reshape(1, m, count * each)[:, :, :d]
