"""A tree of one leaf: digits of base 2, 3, 4, 6 or 16 in a byte, or a byte a code, looked up as numbers at once.

    digits   Gather(T[256, k], Cast): T are the digits plus the lowest code, or those looked up in the codebook
    bytes    the codes as they are, or Gather(codebook, Cast)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto, helper

from lightweight_cli.encodings import digit_tables
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.encodings.streams import Streams, base_of
from lightweight_cli.encodings.values import Numbers
from lightweight_cli.model.blobs import Blob, Writer
from lightweight_cli.numerics import packing
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.load_cost import LoadCost

LOAD_PACKED = LoadCost(5, 3)
"""For every packed byte."""
LOAD_LOOKUP = 3
"""Nanoseconds of a lookup for each number."""
LOAD_COPY = LoadCost(1, 0.75)
"""For each byte of a number that is reshaped or cut."""
LOAD_BYTE, LOAD_INDEX, LOAD_CODEBOOK = LoadCost(1, 1), LoadCost(4, 3), LoadCost(4, 5)


def emit(e: Emission, coded: Coded, dims: Sequence[int]) -> Numbers:
    """Add the codes; return the tensor of their numbers, of shape `dims`."""
    base = digits_of(coded)
    return in_bytes(e, coded, dims) if base is None else in_digits(e, coded, base, dims)


def run(coded: Coded) -> int:
    """Return how many numbers one lookup yields."""
    base = digits_of(coded)
    return 1 if base is None else packing.DIGITS[base]


def digits_of(coded: Coded) -> int | None:
    """Return the base of the digits in which the codes are packed; None where each takes a byte.

    Some of many codes tell where that does not depend on the others: that as many kinds occur as there are, or too many for digits.
    """
    seen, most = base_of(int(np.count_nonzero(coded.sampled))), base_of(coded.count)
    return seen if seen == most else seen and base_of(coded.used.size)


def in_digits(e: Emission, coded: Coded, base: int, dims: Sequence[int]) -> Numbers:
    """Add packed digits and the nodes that look them up."""
    k = packing.DIGITS[base]
    rows = -(-coded.size // k)
    kind = coded.number_type
    place = list(dims) == coded.number_dims(k) != coded.number_dims()
    low, high = (0, coded.count - 1) if coded.count <= base else (int(coded.used.min()), int(coded.used.max()))
    direct = coded.codebook is None and high - low < base
    if direct and place:
        kind = TensorProto.FLOAT  # a lookup less to reshape pays for the larger numbers
    width = helper.tensor_dtype_to_np_dtype(kind).itemsize
    e.costs(LoadCost(width, LOAD_LOOKUP), coded.size)
    e.costs(LOAD_PACKED, rows)
    used = np.arange(low, high + 1) if direct else np.sort(coded.used)
    packed = e.tensor(TensorProto.UINT8, dims[:-1] if place else [rows], rows, Streams(coded, [base], used).write)
    if direct:
        table = digit_tables.numbers(e, base, coded.low + low, kind)
    else:
        table = e.op("Gather", [e.array(book(coded, used, base)), digit_tables.numbers(e, base, 0, TensorProto.INT32)])
    found = e.op("Gather", [table, e.cast(packed, TensorProto.INT32)])
    if place:
        return Numbers(found, kind)
    e.costs(LOAD_COPY, width * coded.size * (1 if rows * k == coded.size else 3))
    return Numbers(e.shaped(found, rows * k, coded.size, dims), kind)


def book(coded: Coded, places: np.ndarray, length: int = 0) -> np.ndarray:
    """Return the numbers of the codes at `places`, filled up to a length with the last."""
    values = coded.numbers[places].astype(number_dtype(coded.number_type))
    return np.concatenate([values, np.repeat(values[-1:], max(0, length - values.size))])


def number_dtype(kind: int) -> np.dtype:
    """Return the numpy dtype of a TensorProto type."""
    return helper.tensor_dtype_to_np_dtype(kind)


def in_bytes(e: Emission, coded: Coded, dims: Sequence[int]) -> Numbers:
    """Add a byte for each code, and the nodes that look them up where there is a codebook."""
    e.costs(LOAD_BYTE, coded.size)

    def produce(writer: Writer) -> None:
        for part in coded.chunks():
            writer.write(part)

    if coded.codebook is None:
        kind = TensorProto.INT8 if coded.low < 0 else TensorProto.UINT8
        codes = e.tensor(kind, dims, coded.size, coded.codes if type(coded.codes) is Blob or coded.codes.lasting else produce)
        if not coded.indices:
            return Numbers(codes, kind)
        e.costs(LOAD_INDEX, coded.size)
        return Numbers(e.cast(codes, TensorProto.INT32), TensorProto.INT32)
    used = np.sort(coded.used)
    codes = e.tensor(TensorProto.UINT8, dims, coded.size, Streams(coded, [256], used).write)
    e.costs(LOAD_INDEX, coded.size)
    e.costs(LOAD_CODEBOOK, coded.size)
    return Numbers(e.op("Gather", [e.array(book(coded, used)), e.cast(codes, TensorProto.INT32)]), coded.number_type)
