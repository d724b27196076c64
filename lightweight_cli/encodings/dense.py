"""One byte a code: Cast (-> Gather codebook). ENCODINGS: affine int8, codebook of 256."""

from __future__ import annotations

from collections.abc import Sequence

from onnx import TensorProto

from lightweight_cli.encodings.builder import Emission
from lightweight_cli.encodings.coded import Coded

NAME = "8-bit codes"


def offers(coded: Coded, opset: int) -> bool:
    """Whether the layout can hold these codes at this opset."""
    return coded.count <= 256 and opset >= 7


def emit(e: Emission, coded: Coded, dims: Sequence[int]) -> str:
    """Add the codes as they are; return the float tensor of their numbers, of shape `dims`."""
    kind = TensorProto.INT8 if coded.low < 0 else TensorProto.UINT8
    codes = e.tensor("q", kind, dims, coded.size, coded.codes)
    if coded.codebook is None:
        return e.cast(codes, TensorProto.FLOAT)
    return e.op("Gather", [e.array("c", coded.codebook), e.cast(codes, TensorProto.INT32)])
