"""All ways to store a weight's values exactly; the caller takes the smallest."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING

from onnx import helper

from lightweight_cli.encodings import bfloat16, bundle, delta, float16, int4, mask, plain, planes, sample, words
from lightweight_cli.encodings import vectors as vector_codes
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.encodings.floats import Floats
from lightweight_cli.encodings.limits import DEFAULT, Limits
from lightweight_cli.encodings.summed import PACKED, Summed
from lightweight_cli.encodings.tree import Tree
from lightweight_cli.encodings.values import Layout
from lightweight_cli.encodings.vectors import Vectors
from lightweight_cli.weights.emission import Emission

if TYPE_CHECKING:
    import numpy as np

TREES = tuple(Tree(splits) for splits in range(5))
"""Codes in leaves of equal width, of which the most frequent are split off."""
LAYOUTS: tuple[Layout, ...] = (*TREES, planes, int4, float16, bfloat16, plain)
SPARSE: tuple[ModuleType, ...] = (mask, delta)
"""Each leaves out zeros: `kept(values)` is what one of the LAYOUTS stores, and `emit` takes its numbers."""
NO_LAYOUT = "has no layout within the limits on what is decoded at load, or that the target takes"
"""Why a weight stays when there are no emissions for it."""
New = Callable[[str], Emission]
Whole = Coded | Floats
PARTS = 4
"""Parts up to which a weight over the folding limit is split."""


def foldable(size: int, itemsize: int = 4, limits: Limits = DEFAULT) -> bool:
    """Whether a decoded weight of `size` elements can be folded at load, in parts if need be."""
    return size * itemsize <= limits.fold_limit


def unfit(size: int, itemsize: int, opset: int) -> str:
    """Return why no weight of this size, type and opset can be replaced by decoding nodes, or nothing."""
    if size == 0:
        return "is empty"
    if opset < 7:
        return f"opset {opset}: decoding nodes need 7"
    return "" if foldable(size, itemsize) else "is over the 1 GiB that onnxruntime decodes at load"


def for_codes(new: New, coded: Coded, name: str, limits: Limits = DEFAULT) -> list[Emission]:
    """Return one emission for each way to store `coded` within the limits, as the weight `name`."""
    found = []
    for values in filter(None, (coded, coded.folded())):
        found += list(emissions(new, values, name, limits))
    for e in found:
        e.codes = coded if bundle.fits(coded) else None
    return found


def for_floats(
    new: New, name: str, shape: tuple[int, ...], dtype: int, nonzero: int, chunks: Iterable[np.ndarray], itemsize: int,
    limits: Limits = DEFAULT,
) -> list[Emission]:
    """Return the emissions for float values, the first as they are.

    `chunks` can be iterated again and yields the values in flat order; `nonzero` counts bit patterns other than +0.
    """
    values = Floats(shape, dtype, chunks, math.prod(shape) - nonzero)
    as_it_is = new(plain.NAME)
    as_it_is.costs(plain.LOAD, values.size)
    plain.emit_as(as_it_is, values, shape, name)
    describe(as_it_is, values, None, plain)
    return [as_it_is, *emissions(new, values, name, limits)]


def for_vectors(new: New, coded: Vectors, name: str, limits: Limits = DEFAULT) -> list[Emission]:
    """Return one emission for each layout of the codes, as the weight `name`."""
    found: list[Emission] = []
    itemsize = helper.tensor_dtype_to_np_dtype(coded.dtype).itemsize
    if not limits.allows(vector_codes.NAME):
        return found
    stages = [coded.indices(i) for i in range(len(coded.codes))]
    for layout in LAYOUTS:
        e = new(f"{vector_codes.NAME} + {layout.NAME}")
        if coded.size * max(4, itemsize) > limits.fold_limit or not affordable(layout, 4, limits):
            continue
        if e.opset >= vector_codes.MINIMUM_OPSET and all(layout.offers(s, e.opset) for s in stages):
            coded.finish(e, [layout.emit(e, s, [s.size]).name for s in stages])
            e.finish(name)
            describe(e, coded, None, layout)
            if within(e, coded.size, itemsize, limits):
                found.append(e)
    return found


def for_sums(new: New, summed: Summed, name: str, limits: Limits = DEFAULT) -> list[Emission]:
    """Return one emission for each layout of the high parts, as the weight `name`."""
    found: list[Emission] = []
    itemsize = helper.tensor_dtype_to_np_dtype(summed.dtype).itemsize
    if summed.size * 4 > limits.fold_limit or not affordable(PACKED, 4, limits):
        return found
    for layout in TREES:
        e = new(f"{layout.NAME} + {PACKED.NAME}")
        if affordable(layout, itemsize, limits) and layout.offers(summed.part(0), e.opset):
            summed.emit(e, layout)
            e.finish(name)
            describe(e, summed, None, layout)
            if within(e, summed.size, itemsize, limits):
                found.append(e)
    return found


def emissions(new: New, values: Whole, name: str, limits: Limits, among: Iterable[Layout] = LAYOUTS) -> Iterator[Emission]:
    """Yield one emission for each layout, and each layout of the non-zeros, within the limits."""
    itemsize = helper.tensor_dtype_to_np_dtype(values.dtype).itemsize
    parts = pieces(values, itemsize, limits)
    opset = new("").opset
    if not parts:
        return
    layouts = [la for la in among if affordable(la, itemsize, limits)]
    ways: list[tuple[ModuleType | None, list[Whole]]] = [(None, parts)]
    for way in SPARSE:
        if affordable(way, itemsize, limits) and all(way.offers(p, opset) for p in parts):
            ways.append((way, [way.kept(p) for p in parts]))
    for sparse, stored in ways:
        for layout in layouts:
            if (sparse is None and layout is plain) or not all(layout.offers(s, opset) for s in stored):
                continue
            e = new(label(sparse, layout))
            whole = [decoded(e, part, kept, sparse, layout) for part, kept in zip(parts, stored, strict=True)]
            if len(whole) > 1:
                e.op("Concat", whole, axis=0)
            e.finish(name)
            describe(e, values, sparse, layout)
            if within(e, values.size, itemsize, limits):
                yield e


def describe(e: Emission, values: Whole | Vectors | Summed, sparse: ModuleType | None, layout: Layout) -> None:
    """Note what a report says of an emission: how it stores the weight, and a sample of its values."""
    e.stored_as, e.sample = words.stored_as(values, sparse, layout), lambda: sample.of(values)


def label(sparse: ModuleType | None, layout: Layout) -> str:
    """Return the name of a layout, or of a sparse layout with another one for the non-zeros."""
    if sparse is None:
        return str(layout.NAME)
    return str(sparse.NAME) if layout is plain else f"{sparse.NAME} + {layout.NAME}"


def decoded(e: Emission, part: Whole, stored: Whole, sparse: ModuleType | None, layout: Layout) -> str:
    """Add one part of a weight; return its tensor."""
    dims = part.number_dims(layout.run(part) if sparse is None and isinstance(layout, Tree) and isinstance(part, Coded) else 1)
    if sparse is None:
        numbers = layout.emit(e, part, dims)
    else:
        numbers = sparse.emit(e, part, dims, layout.emit(e, stored, [stored.size]), stored.size)
    return part.finish(e, dims, numbers)


def pieces(values: Whole, itemsize: int, limits: Limits) -> list[Whole]:
    """Split along the first axis so that float32 and int32 intermediates are within the folding limit.

    Returns: the parts, none where that can't be.
    """
    room = limits.fold_limit // max(4, itemsize)
    if not 0 < values.size * itemsize <= limits.fold_limit:
        return []
    if values.size <= room // 8 * 8:
        return [values]
    rows = values.shape[0] if values.shape else 1
    step = room // 8 * 8 // (values.size // rows) // values.step * values.step
    if step == 0 or -(-rows // step) > PARTS:
        return []
    return [values.rows(i, min(rows, i + step)) for i in range(0, rows, step)]


def affordable(layout: Layout, itemsize: int, limits: Limits) -> bool:
    """Whether a layout may be written, and the least it takes at load is within the limits: asked before it looks at values."""
    return limits.allows(layout.NAME) and layout.LOAD.bytes <= limits.room(itemsize) and layout.LOAD.ns <= limits.load_ns


def within(e: Emission, size: int, itemsize: int, limits: Limits) -> bool:
    """Whether what an emission takes at load is within the limits."""
    return e.load_bytes <= limits.room(itemsize) * size and e.load_ns <= limits.load_ns * size
