"""4-bit codes in ONNX's own INT4 and UINT4 types: Cast (-> Gather codebook). Opset 21."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto

from lightweight_cli.encodings import leaf
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.encodings.values import Numbers, Values
from lightweight_cli.model.blobs import Writer
from lightweight_cli.numerics import packing
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.load_cost import LoadCost

NAME = "int4"
MINIMUM_OPSET = 21
LOAD = LoadCost(0.5, 0)
LOAD_BYTES = LoadCost(1, 3)
"""Codes as bytes, where they are not looked up: operators take no INT4."""


def offers(values: Values, opset: int) -> bool:
    """Whether the layout can hold these codes at this opset."""
    if not isinstance(values, Coded) or opset < MINIMUM_OPSET or not values.size or values.count > 16:
        return False
    high = values.low + values.count - 1
    return values.codebook is not None or (values.low >= -8 and high <= 7) or (values.low >= 0 and high <= 15)


def emit(e: Emission, values: Values, dims: Sequence[int]) -> Numbers:
    """Add the packed codes; return the tensor of their numbers, of shape `dims`."""
    assert isinstance(values, Coded)
    coded = values
    e.costs(LOAD, coded.size)

    def produce(writer: Writer) -> None:
        for part in coded.chunks():
            writer.write(packing.pack(np.bitwise_and(part.view(np.uint8), np.uint8(15)), 16, 2))

    kind = TensorProto.INT4 if coded.low < 0 else TensorProto.UINT4
    codes = e.tensor(kind, dims, -(-coded.size // 2), produce)
    if coded.codebook is None and not coded.indices:
        e.costs(LOAD_BYTES, coded.size)
        return Numbers(e.cast(codes, coded.number_type), coded.number_type)
    e.costs(leaf.LOAD_INDEX, coded.size)
    found = e.cast(codes, TensorProto.INT32)
    if coded.codebook is None:
        return Numbers(found, TensorProto.INT32)
    e.costs(leaf.LOAD_CODEBOOK, coded.size)
    return Numbers(e.op("Gather", [e.array(coded.codebook), found]), coded.number_type)
