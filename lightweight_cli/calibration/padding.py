"""Which places of a batch of texts are padding: a model computes with them, and no one reads what comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lightweight_cli.data.batches import Batch

MASKS = ("attention_mask", "input_mask")
"""Inputs [sample, place] that are 0 at padding."""


def padding(batch: Batch) -> np.ndarray | None:
    """Return which places [sample, place] are none; None where no input says it."""
    found = next((batch.feed[n] for n in MASKS if n in batch.feed), None)
    if not isinstance(found, np.ndarray) or found.ndim != 2 or found.dtype.kind not in "iufb":
        return None
    return np.asarray(found != 0)
