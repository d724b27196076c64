"""The sizes of all values of the main graph, and which of them do not depend on the inputs.

Shapes are inferred twice, with different sizes for what the inputs leave open: an axis of the same size both times is fixed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import ModelProto, shape_inference

from lightweight_cli.model.light import light_copy
from lightweight_cli.structure import expansion

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model

OPEN = ((2003, 2011, 2017, 2027, 2029, 2039), (4001, 4003, 4007, 4013, 4019, 4021))
"""Sizes of open dimensions: primes, so that no product of others is like one; large, so that strides leave something."""

Shape = tuple[int, ...]
UNKNOWN = -1
WIDEST = 1 << 22
"""Positions of an axis that are told apart, each in some bytes of memory: a model may state terabytes."""


class Sizes:
    """Two shapes of each value, of which the fixed axes are equal."""

    def __init__(self, model: Model) -> None:
        self.both = [_inferred(model.proto, sizes) for sizes in OPEN]
        for tensor in model.proto.graph.initializer:
            for known in self.both:
                known[tensor.name] = tuple(tensor.dims)

    def shapes(self, name: str) -> tuple[Shape, Shape] | None:
        """Return both shapes of a value, UNKNOWN for sizes that are not; None: not even the rank is known."""
        first, second = (known.get(name) for known in self.both)
        return None if first is None or second is None or len(first) != len(second) else (first, second)

    def rank(self, name: str) -> int | None:
        """Return the number of axes."""
        both = self.shapes(name)
        return None if both is None else len(both[0])

    def fixed(self, name: str, axis: int) -> int | None:
        """Return the size of an axis, None where it is open, unknown, or more than there are channels."""
        both = self.shapes(name)
        if both is None or not -len(both[0]) <= axis < len(both[0]):
            return None
        return both[0][axis] if both[0][axis] == both[1][axis] != UNKNOWN and both[0][axis] <= WIDEST else None


def _inferred(proto: ModelProto, sizes: tuple[int, ...]) -> dict[str, Shape]:
    """Return the shapes of all values whose rank is known, open dimensions of the inputs taken from `sizes`."""
    copy = light_copy(proto)
    added = {t.name for t in proto.graph.initializer} - {v.name for v in proto.graph.input}
    copy.graph.ClearField("value_info")  # they may name dimensions, or state what another size would not be
    copy.ir_version = max(4, copy.ir_version)  # before, initializers that are no inputs were not looked at
    names: dict[object, int] = {}
    for port in copy.graph.input:
        for axis, dim in enumerate(port.type.tensor_type.shape.dim):
            if not dim.HasField("dim_value") or dim.dim_value <= 0:
                key = dim.dim_param or (port.name, axis)
                dim.ClearField("dim_param")
                dim.dim_value = names.setdefault(key, sizes[len(names) % len(sizes)])
    for port in copy.graph.output:
        if port.type.HasField("tensor_type"):
            port.type.tensor_type.ClearField("shape")
    if copy.functions and expansion.nodes(copy) > expansion.MOST:
        copy.ClearField("functions")
    try:
        copy = shape_inference.infer_shapes(copy, data_prop=True)
    except Exception:  # onnx's own, without a common base: nothing is known then, and nothing will be cut
        return {}
    return {value.name: tuple(d.dim_value if d.HasField("dim_value") else UNKNOWN for d in value.type.tensor_type.shape.dim)
            for value in (*copy.graph.input, *copy.graph.value_info, *copy.graph.output)
            if value.type.tensor_type.HasField("shape") and value.name not in added}
