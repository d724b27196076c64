"""One byte a code, as it is or looked up: Gather(codebook, Cast). ENCODINGS: affine int8, codebook of 256."""

from __future__ import annotations

from collections.abc import Sequence

from onnx import TensorProto

from lightweight_cli.encodings.coded import Coded
from lightweight_cli.encodings.values import Numbers, Values
from lightweight_cli.model.blobs import Blob, Writer
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.load_cost import LoadCost

NAME = "8-bit codes"
MINIMUM_OPSET = 7
LOAD = LoadCost(1, 1)
LOAD_INDICES = LoadCost(4, 3)
LOAD_CODEBOOK = LoadCost(4, 5)


def offers(values: Values, opset: int) -> bool:
    """Whether the layout can hold these codes at this opset."""
    return isinstance(values, Coded) and values.count <= 256 and opset >= MINIMUM_OPSET


def emit(e: Emission, values: Values, dims: Sequence[int]) -> Numbers:
    """Add the codes as they are; return the tensor of their numbers, of shape `dims`."""
    assert isinstance(values, Coded)
    coded = values
    e.costs(LOAD, coded.size)

    def produce(writer: Writer) -> None:
        for part in coded.chunks():
            writer.write(part)

    kind = TensorProto.INT8 if coded.low < 0 else TensorProto.UINT8
    codes = e.tensor("q", kind, dims, coded.size, coded.codes if type(coded.codes) is Blob else produce)
    return numbers_of(e, coded, codes)


def numbers_of(e: Emission, coded: Coded, codes: str) -> Numbers:
    """Return the numbers of a tensor of codes, one an element: the codes themselves, or looked up in the codebook."""
    if coded.codebook is None and not coded.indices:
        return Numbers(codes, coded.number_type)
    e.costs(LOAD_INDICES, coded.size)
    indices = e.cast(codes, TensorProto.INT32)
    if coded.codebook is None:
        return Numbers(indices, TensorProto.INT32)
    e.costs(LOAD_CODEBOOK, coded.size)
    return Numbers(e.op("Gather", [e.array("c", coded.codebook), indices]), coded.number_type)
