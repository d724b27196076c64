"""Several codes in a byte, decoded by a table of 256 rows: Cast -> Gather(T[L**k, k]) -> Reshape.

k digits of base L share a byte, low digit first: (16, 2), (6, 3), (4, 4), (3, 5), (2, 8).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto

from lightweight_cli.blobs import Writer
from lightweight_cli.encodings.builder import Emission
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.numerics import packing

NAME = "table"
BASES = ((2, 8), (3, 5), (4, 4), (6, 3), (16, 2))


def base_of(coded: Coded) -> tuple[int, int] | None:
    """Return the tightest (L, k) that holds the codes."""
    return next(((base, k) for base, k in BASES if coded.count <= base), None)


def offers(coded: Coded, opset: int) -> bool:
    """Whether the layout can hold these codes at this opset."""
    return base_of(coded) is not None and opset >= 7


def table(numbers: np.ndarray, base: int, k: int) -> np.ndarray:
    """Return [base**k, k]: the numbers of each byte's digits, low digit first."""
    padded = np.zeros(base, numbers.dtype)
    padded[: len(numbers)] = numbers
    byte = np.arange(base**k)
    return np.stack([padded[byte // base**i % base] for i in range(k)], axis=1)


def emit(e: Emission, coded: Coded, dims: Sequence[int]) -> str:
    """Add the packed codes; return the float tensor of their numbers, of shape `dims`."""
    base, k = base_of(coded) or (16, 2)
    rows = -(-coded.size // k)

    def produce(writer: Writer) -> None:
        for part in coded.symbols():
            writer.write(packing.pack(part, base, k))

    packed = e.tensor("q", TensorProto.UINT8, [rows], rows, produce)
    if coded.codebook is not None:
        name = e.array("t", table(coded.codebook, base, k))
    else:
        whole = table(np.arange(coded.low, coded.low + base), base, k).astype(coded.code_dtype)
        name = e.cast(e.shared(f"lwc.table.{base}x{k}.{coded.low}", whole), TensorProto.FLOAT)
    numbers = e.op("Gather", [name, e.cast(packed, TensorProto.INT32)])
    if rows * k != coded.size:
        numbers = e.head(e.reshape(numbers, [-1]), coded.size)
    return e.reshape(numbers, dims)
