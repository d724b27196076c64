"""Float values as they are."""

from __future__ import annotations

from collections.abc import Sequence

from lightweight_cli.encodings.floats import Floats
from lightweight_cli.encodings.values import Numbers, Values
from lightweight_cli.model.blobs import Writer
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.load_cost import LoadCost

NAME = "float"
MINIMUM_OPSET = 1
LOAD = LoadCost(4, 4)


def offers(values: Values, opset: int) -> bool:
    """Whether the layout can hold these values."""
    return isinstance(values, Floats)


def emit(e: Emission, values: Values, dims: Sequence[int]) -> Numbers:
    """Add the values; return the tensor of shape `dims`."""
    assert isinstance(values, Floats)
    e.costs(LOAD, values.size)
    name = e.name()
    emit_as(e, values, dims, name)
    return Numbers(name, values.dtype)


def emit_as(e: Emission, values: Floats, dims: Sequence[int], name: str) -> None:
    """Add the values as a tensor called `name`."""

    def produce(writer: Writer) -> None:
        for part in values.parts:
            writer.write(part)

    e.plain(name, values.dtype, dims, values.size * values.element_dtype.itemsize, produce)
