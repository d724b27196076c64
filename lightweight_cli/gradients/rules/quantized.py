"""Rounding to a grid and back, differentiated as if it did not round (straight-through)."""

from __future__ import annotations

from onnx import TensorProto

from lightweight_cli.gradients.op import Op, Unfit
from lightweight_cli.gradients.values import Value

WHOLE = {TensorProto.INT8, TensorProto.UINT8, TensorProto.INT16, TensorProto.UINT16, TensorProto.INT4, TensorProto.UINT4}
HALF = 0.5 + 1e-3
"""Of a step, beyond which a value was not rounded but cut off."""


def quantize(op: Op) -> None:
    """dx = g, in units of x as DequantizeLinear hands it on; 0 where x was cut off at the end of the grid."""
    _scale_is_constant(op)
    x, scale, y = op.read(0), op.read(1), op.made()
    known = {k: v for k, v in op.attributes.items() if k in ("axis", "block_size")}
    kind = op.facts.types.get(y.name, TensorProto.UINT8)
    rank = len(op.shape(scale) or ())
    if kind not in WHOLE or known.get("block_size") or op.shape(scale) is None:
        op.give(0, op.g)
        return
    if rank and op.shape(scale) != (1,):
        axis = known.get("axis", 1) % op.rank(x)
        scale = scale.reshaped([-1] + [1] * (op.rank(x) - axis - 1))
    back = op.emit("DequantizeLinear", Value(op.into, y.name, kind), op.read(1), op.input(2), type=scale.type, **known)
    off = op.emit("Abs", x - back.cast(x.type))
    op.give(0, op.g * (off <= (scale * HALF).cast(x.type)).cast(op.g.type))


def dequantize(op: Op) -> None:
    """dx = g in units of y, for the QuantizeLinear before it."""
    _scale_is_constant(op)
    op.give(0, op.g)


def _scale_is_constant(op: Op) -> None:
    if op.wants(1):
        raise Unfit("its scale depends on a weight")
