"""From a rounded layer to what encodings store: the codes that occur, numbered, and the values they stand for."""

from __future__ import annotations

import numpy as np

from lightweight_cli.encodings.coded import Coded
from lightweight_cli.encodings.summed import Summed
from lightweight_cli.model.blobs import Blob
from lightweight_cli.model.model import Model
from lightweight_cli.search import pricing
from lightweight_cli.search.layer import Layer
from lightweight_cli.search.rounding import Rounded

IN_MEMORY = 1 << 24
"""Codes up to which they wait in memory for their layout; beyond, in the spool."""


def coded(model: Model, layer: Layer, new: Rounded) -> Coded | Summed:
    """Return a layer's codes as its weight is stored, in two parts where a tree can't hold them; one scale is part of the values."""
    weight, low = layer.weight, int(new.codes.min())
    flat = new.codes.reshape(-1).astype(np.intp) - low
    counts = np.bincount(flat)
    bits = pricing.digit_bits(counts)
    groups, scale, factor = (1, flat.size, 1), None, new.scale
    if new.scale.size > 1:
        assert layer.scaled is not None
        groups, order = layer.scaled
        scale, factor = new.scale[order].reshape(groups[0], 1, groups[2]), np.ones(1, np.float32)
    if bits:
        high, numbers = _numbered(model, flat >> bits, pricing.high_parts(counts, bits))
        digits = _kept(model, (flat & (1 << bits) - 1).astype(np.uint8))
        books = ((numbers << bits) + low, np.arange(1 << bits))
        return Summed(weight.shape, weight.dtype, groups, (high, digits), tuple(b.astype(np.float32) * factor for b in books), scale)  # type: ignore[arg-type]
    top = low + counts.size - 1
    if -128 <= low and top <= 127:  # the codes are their own numbers; `Coded.folded` makes values of them where one scale is small
        stored = _kept(model, new.codes.reshape(-1).astype(np.int8).view(np.uint8))
        start, zeros = min(low, -1), int(np.count_nonzero(new.codes == 0))  # below 0: signed
        whole = new.scale.astype(np.float32).reshape(1, 1, 1) if scale is None else scale
        return Coded(weight.shape, weight.dtype, groups, stored, start, top - start + 1, zeros, scale=whole)
    blob, used = _numbered(model, flat, counts)
    values = (used + low).astype(np.float32)
    zero = next(iter(np.flatnonzero(values == 0).tolist()), None)
    return Coded(weight.shape, weight.dtype, groups, blob, 0, used.size, 0 if zero is None else int(counts[-low]), zero, scale=scale,
                 codebook=values if scale is not None else values * factor)


def _numbered(model: Model, flat: np.ndarray, counts: np.ndarray) -> tuple[Blob, np.ndarray]:
    """Return the place of each code among those that occur, and those."""
    used = np.flatnonzero(counts)
    number = np.zeros(counts.size, np.uint8)
    number[used] = np.arange(used.size)
    return _kept(model, number[flat]), used


def _kept(model: Model, flat: np.ndarray) -> Blob:
    return Blob(flat.size, data=memoryview(flat)) if flat.size <= IN_MEMORY else model.spool.put(flat)
