"""From a rounded layer to what encodings store: the codes that occur, numbered, and the values they stand for."""

from __future__ import annotations

import numpy as np

from lightweight_cli.encodings.coded import Coded
from lightweight_cli.model.blobs import Blob
from lightweight_cli.model.model import Model
from lightweight_cli.search.rounding import Rounded
from lightweight_cli.weights.weight import Weight

IN_MEMORY = 1 << 24
"""Codes up to which they wait in memory for their layout; beyond, in the spool."""


def coded(model: Model, weight: Weight, new: Rounded) -> Coded:
    """Return a layer's codes as its weight is stored; one scale is part of the values."""
    low = int(new.codes.min())
    counts = np.bincount(new.codes.reshape(-1).astype(np.intp) - low)
    used = np.flatnonzero(counts)
    number = np.zeros(counts.size, np.uint8)
    number[used] = np.arange(used.size)
    flat = number[new.codes.reshape(-1).astype(np.intp) - low]
    blob = Blob(flat.size, data=memoryview(flat)) if flat.size <= IN_MEMORY else model.spool.put(flat)
    values = (used + low).astype(np.float32)
    one = new.scale.size == 1
    zero = next(iter(np.flatnonzero(values == 0).tolist()), None)
    groups = (1, flat.size, 1) if one else (new.scale.size, flat.size // new.scale.size, 1)
    return Coded(weight.shape, weight.dtype, groups, blob, 0, used.size, 0 if zero is None else int(counts[-low]), zero,
                 scale=None if one else new.scale.reshape(-1, 1, 1), codebook=values * new.scale if one else values)
