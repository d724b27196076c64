"""From a rounded layer to what encodings store: the codes that occur, numbered, and the values they stand for."""

from __future__ import annotations

import numpy as np

from lightweight_cli.encodings.coded import Coded
from lightweight_cli.model.blobs import Blob
from lightweight_cli.model.model import Model
from lightweight_cli.search.layer import Layer
from lightweight_cli.search.rounding import Rounded

IN_MEMORY = 1 << 24
"""Codes up to which they wait in memory for their layout; beyond, in the spool."""


def coded(model: Model, layer: Layer, new: Rounded) -> Coded:
    """Return a layer's codes as its weight is stored; one scale is part of the values."""
    weight, low = layer.weight, int(new.codes.min())
    counts = np.bincount(new.codes.reshape(-1).astype(np.intp) - low)
    used = np.flatnonzero(counts)
    number = np.zeros(counts.size, np.uint8)
    number[used] = np.arange(used.size)
    flat = number[new.codes.reshape(-1).astype(np.intp) - low]
    blob = Blob(flat.size, data=memoryview(flat)) if flat.size <= IN_MEMORY else model.spool.put(flat)
    values = (used + low).astype(np.float32)
    zero = next(iter(np.flatnonzero(values == 0).tolist()), None)
    groups, scale, book = (1, flat.size, 1), None, values
    if new.scale.size == 1:
        book = values * new.scale
    else:
        assert layer.scaled is not None
        groups, order = layer.scaled
        scale = new.scale[order].reshape(groups[0], 1, groups[2])
    return Coded(weight.shape, weight.dtype, groups, blob, 0, used.size, 0 if zero is None else int(counts[-low]), zero, scale=scale,
                 codebook=book)
