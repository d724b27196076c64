"""All ways to store a weight's values exactly; the caller takes the smallest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from lightweight_cli.encodings import bitmask, dense, table
from lightweight_cli.encodings.builder import Emission
from lightweight_cli.encodings.coded import Coded, emit_values, number_dims

if TYPE_CHECKING:
    import numpy as np

    from lightweight_cli.blobs import Writer

LAYOUTS = (table, dense, bitmask)
FOLD_LIMIT = 1 << 30
"""Bytes a node's output may have for onnxruntime to compute it at load: above, it would be decoded at every run."""
New = Callable[[str], Emission]


def foldable(size: int) -> bool:
    """Whether a decoded weight of `size` elements, and its int32 intermediates, are folded at load."""
    return size * 4 <= FOLD_LIMIT


def for_codes(new: New, coded: Coded, name: str) -> list[Emission]:
    """Return one emission per layout that can hold `coded`, as the weight `name`."""
    found = []
    for layout in LAYOUTS:
        e = new(layout.NAME)
        if layout.offers(coded, e.opset):
            dims = number_dims(coded)
            emit_values(e, coded, dims, layout.emit(e, coded, dims), name)
            found.append(e)
    return found


def for_floats(new: New, name: str, shape: tuple[int, ...], dtype: int, nonzero: int, chunks: Iterable[np.ndarray], itemsize: int) -> list[Emission]:
    """Return the emissions for float values: as they are, or a bitmask and the non-zeros.

    `chunks` can be iterated again and yields the values in flat order; `nonzero` counts bit patterns other than +0.
    """
    size = 1
    for d in shape:
        size *= d
    plain = new("float")

    def produce(writer: Writer) -> None:
        for part in chunks:
            writer.write(part)

    plain.plain(name, dtype, shape, size * itemsize, produce)
    found = [plain]
    sparse = new(bitmask.NAME)
    if sparse.opset >= bitmask.opset_for(dtype) and 0 < nonzero < size and foldable(size):
        bitmask.emit_floats(sparse, size, nonzero, dtype, itemsize, chunks, shape)
        sparse.finish(name)
        found.append(sparse)
    return found

