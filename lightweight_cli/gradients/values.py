"""Tensors of a graph that is being written, to calculate with: `a * b` writes a Mul node."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy as np
from onnx import TensorProto

Operand: TypeAlias = "Value | float | np.ndarray | None"
"""What a node may read: a number takes the type of the values beside it, None is an input that is left out."""


class Writer(Protocol):
    """What adds nodes to a graph."""

    def emit(self, op_type: str, *inputs: Operand, type: int | None = None, **attributes: Any) -> Value:
        """Add a node with one output."""


class Value:
    """A tensor by its name; the nodes that its operators write go into `into`."""

    __slots__ = ("into", "name", "type")

    def __init__(self, into: Writer, name: str, type: int) -> None:
        self.into, self.name, self.type = into, name, type

    def __add__(self, other: Operand) -> Value:
        return self.into.emit("Add", self, other)

    def __sub__(self, other: Operand) -> Value:
        return self.into.emit("Sub", self, other)

    def __mul__(self, other: Operand) -> Value:
        return self.into.emit("Mul", self, other)

    def __truediv__(self, other: Operand) -> Value:
        return self.into.emit("Div", self, other)

    def __radd__(self, other: Operand) -> Value:
        return self.into.emit("Add", other, self)

    def __rsub__(self, other: Operand) -> Value:
        return self.into.emit("Sub", other, self)

    def __rmul__(self, other: Operand) -> Value:
        return self.into.emit("Mul", other, self)

    def __rtruediv__(self, other: Operand) -> Value:
        return self.into.emit("Div", other, self)

    def __neg__(self) -> Value:
        return self.into.emit("Neg", self)

    def __matmul__(self, other: Value) -> Value:
        return self.into.emit("MatMul", self, other)

    def __gt__(self, other: Operand) -> Value:
        return self.into.emit("Greater", self, other)

    def __lt__(self, other: Operand) -> Value:
        return self.into.emit("Less", self, other)

    def __ge__(self, other: Operand) -> Value:
        return self.into.emit("GreaterOrEqual", self, other)

    def __le__(self, other: Operand) -> Value:
        return self.into.emit("LessOrEqual", self, other)

    def __and__(self, other: Value) -> Value:
        return self.into.emit("And", self, other)

    def equals(self, other: Operand) -> Value:
        """Return where both are equal."""
        return self.into.emit("Equal", self, other)

    def where(self, yes: Operand, no: Operand) -> Value:
        """Return `yes` where this is true, else `no`."""
        return self.into.emit("Where", self, yes, no)

    def cast(self, type: int) -> Value:
        """Return the values in another type."""
        return self if type == self.type else self.into.emit("Cast", self, type=type, to=type)

    def transposed(self, order: list[int]) -> Value:
        """Return the axes in another order."""
        return self if order == list(range(len(order))) else self.into.emit("Transpose", self, perm=order)

    def reshaped(self, shape: Value | list[int]) -> Value:
        """Return the same elements in another shape; in a list, 0 keeps an axis and -1 takes what is left."""
        if isinstance(shape, Value):
            return self.into.emit("Reshape", self, shape, allowzero=1)
        return self.into.emit("Reshape", self, np.array(shape, np.int64))

    def summed(self, axes: list[int] | Value, keep: bool = True) -> Value:
        """Return the sum over axes, which stay as axes of size 1 or go; over none of them it is the value itself."""
        if axes == []:
            return self
        over = axes if isinstance(axes, Value) else np.array(axes, np.int64)
        return self.into.emit("ReduceSum", self, over, keepdims=int(keep), noop_with_empty_axes=1)

    def mean(self, axes: list[int], keep: bool = True) -> Value:
        """Return the mean over axes."""
        return self.into.emit("ReduceMean", self, np.array(axes, np.int64), keepdims=int(keep))

    def expanded(self, shape: Value) -> Value:
        """Return the values repeated to a shape."""
        return self.into.emit("Expand", self, shape)


COMPARISONS = {"Greater", "Less", "GreaterOrEqual", "LessOrEqual", "Equal", "And", "Or", "Not"}
INTEGERS = {"Shape", "Size", "Range", "NonZero"}


def type_made(op_type: str, inputs: list[Value]) -> int:
    """Return the element type of what an operator makes, for those whose attributes don't say it."""
    if op_type in COMPARISONS:
        return TensorProto.BOOL
    if op_type in INTEGERS:
        return TensorProto.INT64
    return inputs[1 if op_type == "Where" and len(inputs) > 1 else 0].type
