"""Several codes in a byte, decoded by a table of 256 rows: Cast -> Gather(T[L**k, k]) -> Reshape.

k digits of base L share a byte, low digit first: (16, 2), (6, 3), (4, 4), (3, 5), (2, 8).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto

from lightweight_cli.encodings.coded import Coded
from lightweight_cli.encodings.values import Values
from lightweight_cli.model.blobs import Writer
from lightweight_cli.numerics import packing
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.load_cost import LoadCost

NAME = "table"
MINIMUM_OPSET = 7
LOAD = LoadCost(8, 7)
LOAD_BYTE = LoadCost(5, 3)
"""For every packed byte."""
LOAD_PADDING = LoadCost(8, 7)
"""For every value, where the last byte is not full."""
BASES = ((2, 8), (3, 5), (4, 4), (6, 3), (16, 2))


def base_of(coded: Coded) -> tuple[int, int] | None:
    """Return the tightest (L, k) that holds the codes."""
    return next(((base, k) for base, k in BASES if coded.count <= base), None)


def offers(values: Values, opset: int) -> bool:
    """Whether the layout can hold these codes at this opset."""
    return isinstance(values, Coded) and base_of(values) is not None and opset >= MINIMUM_OPSET


def table(numbers: np.ndarray, base: int, k: int) -> np.ndarray:
    """Return [base**k, k]: the numbers of each byte's digits, low digit first."""
    padded = np.zeros(base, numbers.dtype)
    padded[: len(numbers)] = numbers
    byte = np.arange(base**k)
    return np.stack([padded[byte // base**i % base] for i in range(k)], axis=1)


def emit(e: Emission, values: Values, dims: Sequence[int]) -> str:
    """Add the packed codes; return the tensor of their numbers, of shape `dims`."""
    assert isinstance(values, Coded)
    coded = values
    base, k = base_of(coded) or BASES[-1]
    rows = -(-coded.size // k)
    e.costs(LOAD, coded.size)
    e.costs(LOAD_BYTE, rows)

    def produce(writer: Writer) -> None:
        for part in coded.symbols():
            writer.write(packing.pack(part, base, k))

    packed = e.tensor("q", TensorProto.UINT8, [rows], rows, produce)
    if coded.codebook is not None:
        name = e.array("t", table(coded.codebook, base, k))
    else:
        whole = table(np.arange(coded.low, coded.low + base), base, k).astype(coded.element_dtype)
        name = e.table(f"lwc.table.{base}x{k}.{coded.low}", whole, coded.number_type)
    numbers = e.op("Gather", [name, e.cast(packed, TensorProto.INT32)])
    if rows * k == coded.size:
        return e.reshape(numbers, dims)
    e.costs(LOAD_PADDING, coded.size)
    return e.fit(e.reshape(numbers, [-1]), rows * k, coded.size, dims)
