"""Which places of a batch of texts are padding: a model computes with them, and no one reads what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from lightweight_cli.data.batches import Batch

MASKS = ("attention_mask", "input_mask")
"""Inputs [sample, place] that are 0 at padding."""


def padding(batch: Batch) -> np.ndarray | None:
    """Return which places [sample, place] are none; None where no input says it."""
    name = mask_of(batch.feed)
    return None if name is None else np.asarray(batch.feed[name] != 0)


def mask_of(feed: Mapping[str, Any]) -> str | None:
    """Return the input that is 0 at padding; None where there is none."""
    found = next((n for n in MASKS if n in feed), None)
    told = None if found is None else feed[found]
    return found if isinstance(told, np.ndarray) and told.ndim == 2 and told.dtype.kind in "iufb" else None
