"""Several codes in a byte, decoded by a table of 256 rows: Gather(T[L**k, k], Cast).

k digits of base L share a byte, low digit first: (16, 2), (6, 3), (4, 4), (3, 5), (2, 8).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto, helper

from lightweight_cli.encodings.coded import Coded
from lightweight_cli.encodings.values import Numbers, Values
from lightweight_cli.model.blobs import Writer
from lightweight_cli.numerics import packing
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.load_cost import LoadCost

NAME = "table"
MINIMUM_OPSET = 7
LOAD = LoadCost(2, 4)
"""The least: bytes looked up and reshaped."""
LOAD_BYTE = LoadCost(5, 3)
"""For every packed byte."""
LOAD_LOOKUP = 3
"""Nanoseconds of a lookup for each number."""
LOAD_COPY = LoadCost(1, 0.75)
"""For each byte of a number that is reshaped or cut."""
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


def emit(e: Emission, values: Values, dims: Sequence[int]) -> Numbers:
    """Add the packed codes; return the tensor of their numbers, of shape `dims`."""
    assert isinstance(values, Coded)
    coded = values
    base, k = base_of(coded) or BASES[-1]
    rows = -(-coded.size // k)
    kind = coded.number_type
    place = list(dims) == coded.number_dims(k) != coded.number_dims()
    if place and coded.codebook is None:
        kind = TensorProto.FLOAT  # a lookup less to reshape pays for the larger numbers
    width = helper.tensor_dtype_to_np_dtype(kind).itemsize
    e.costs(LoadCost(width, LOAD_LOOKUP), coded.size)
    e.costs(LOAD_BYTE, rows)

    def produce(writer: Writer) -> None:
        for part in coded.symbols():
            writer.write(packing.pack(part, base, k))

    packed = e.tensor("q", TensorProto.UINT8, dims[:-1] if place else [rows], rows, produce)
    if coded.codebook is not None:
        name = e.array("t", table(coded.codebook, base, k))
    else:
        whole = table(np.arange(coded.low, coded.low + base), base, k).astype(coded.element_dtype)
        name = e.table(f"lwc.table.{base}x{k}.{coded.low}", whole, kind)
    numbers = e.op("Gather", [name, e.cast(packed, TensorProto.INT32)])
    if place:
        return Numbers(numbers, kind)
    e.costs(LOAD_COPY, width * coded.size)
    if rows * k == coded.size:
        return Numbers(e.reshape(numbers, dims), kind)
    e.costs(LOAD_COPY, 2 * width * coded.size)
    return Numbers(e.fit(e.reshape(numbers, [-1]), rows * k, coded.size, dims), kind)


def run(values: Values) -> int:
    """Return how many numbers one lookup yields."""
    assert isinstance(values, Coded)
    return (base_of(values) or BASES[-1])[1]
