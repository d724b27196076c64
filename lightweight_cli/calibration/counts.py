"""How often each entry of a table is looked up: what calibration knows of a Gather's weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lightweight_cli.weights.weight import Role

INDICES: dict[tuple[str, int], int] = {("Gather", 0): 1, ("EmbedLayerNormalization", 2): 0, ("EmbedLayerNormalization", 4): 1}
"""(operator, its table) -> the input that holds the indices. Positions are counted within EmbedLayerNormalization."""


def indices_of(role: Role) -> int | None:
    """Return which input of the operator says which entries are read; None: none does."""
    return INDICES.get((role.op, role.index))


def count(indices: np.ndarray, entries: int) -> np.ndarray:
    """Return how often each of `entries` is read, [entries] int64; negative indices count from the end."""
    return np.bincount((indices.reshape(-1).astype(np.int64) + entries) % entries, minlength=entries)
