"""Equal rows are stored once: Gather(distinct rows, number of each row)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from onnx import TensorProto

from lightweight_cli.passes.pack.values import Values
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.load_cost import LoadCost
from lightweight_cli.weights.weight import CHUNK

EQUAL_ROWS = "equal rows"
MINIMUM_OPSET = 7
LOAD = LoadCost(4, 3)
"""Of the rows, beside the distinct ones."""
IN_MEMORY = 1 << 24
"""Values of a tensor up to which its rows are compared: 64 MiB of float32."""
MOST_DISTINCT = 0.9
"""Share of distinct rows above which the others are not worth the numbers of all."""
Forms = Callable[[Callable[[str], Emission], Values, str], "list[Emission]"]


def distinct_rows(new: Callable[[str], Emission], values: Values, name: str, forms: Forms) -> list[Emission]:
    """Return the emission of a tensor with many equal rows, or nothing."""
    if new("").opset < MINIMUM_OPSET:
        return []
    if len(values.shape) < 2 or values.shape[0] < 2 or values.size > IN_MEMORY or not values.size:
        return []
    rows = np.concatenate(list(values)).reshape(values.shape[0], -1)
    first, numbers = distinct(rows.view(f"u{rows.itemsize}"))
    if first.size > MOST_DISTINCT * len(rows):
        return []
    kept = rows[first]

    def parts() -> Iterator[np.ndarray]:
        flat = kept.reshape(-1)
        return (flat[i : i + CHUNK] for i in range(0, flat.size, CHUNK))

    whole = new(EQUAL_ROWS)
    inner_name = whole.name()

    def inner(label: str) -> Emission:
        e = new(label)
        e.named = whole.named
        return e

    few = Values((first.size, *values.shape[1:]), values.dtype, parts)
    stored = min(forms(inner, few, inner_name), key=lambda e: e.nbytes)
    whole.take_over(stored)
    whole.costs(LOAD, values.size)
    narrow = np.min_scalar_type(first.size - 1)
    index = whole.array(numbers.astype(narrow if narrow.itemsize < 4 else np.int32))
    if narrow.itemsize < 4:
        index = whole.cast(index, TensorProto.INT32)
    whole.op("Gather", [inner_name, index], name, axis=0)
    return [whole]


def distinct(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first of each kind of equal rows [n, width], and for every row the number of its kind.

    Rows of one hash that differ make all rows count as distinct.
    """
    step = max(1, CHUNK // max(1, rows.shape[1]))
    factors = np.random.default_rng(0).integers(1, 1 << 63, rows.shape[1], np.uint64) | np.uint64(1)
    blocks = (rows[i : i + step] for i in range(0, len(rows), step))
    hashes = np.concatenate([(block * factors).sum(axis=1, dtype=np.uint64) for block in blocks])
    _, first, numbers = np.unique(hashes, return_index=True, return_inverse=True)
    order = np.argsort(first)  # in the order of the rows, not of their hashes
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    first, numbers = first[order], rank[numbers.reshape(-1)]
    if first.size < len(rows) and not all(
            np.array_equal(rows[i : i + step], rows[first[numbers[i : i + step]]]) for i in range(0, len(rows), step)):
        return np.arange(len(rows)), np.arange(len(rows))
    return first, numbers

