"""Sums, means, norms and extremes over axes: the gradient goes back to all that went in."""

from __future__ import annotations

import math

from lightweight_cli.gradients.op import Op, Unfit
from lightweight_cli.gradients.values import Value


def _kept(op: Op, value: Value) -> Value:
    """Return a value of the shape of y with the axes that went as axes of size 1."""
    axes = op.input(1)
    if op.attribute("keepdims", 1) or _none(op):
        return value
    if axes is None:
        return value  # a scalar fits all
    return op.emit("Unsqueeze", value, axes)


def _none(op: Op) -> bool:
    """Whether no axis is reduced at all."""
    known = op.integers(1)
    return bool(op.attribute("noop_with_empty_axes", 0)) and (op.input(1) is None or known == [])


def _axes(op: Op) -> Value | None:
    known = op.integers(1)
    return None if op.input(1) is None or known == [] else op.input(1)


def _back(op: Op, value: Value) -> Value:
    """Return a value of the shape of y repeated to that of x."""
    return _kept(op, value).expanded(op.into.sizes(op.read()))


def count(op: Op) -> Value | float:
    """Return how many elements of x go into one of y."""
    x, y = op.read(), op.made()
    shapes = op.facts.static(x.name), op.facts.static(y.name)
    if shapes[0] is not None and shapes[1] is not None:
        return math.prod(shapes[0], start=1.0) / max(math.prod(shapes[1]), 1)
    return op.emit("Size", x).cast(op.g.type) / op.emit("Size", y).cast(op.g.type)


def total(op: Op) -> None:
    """dx = g."""
    op.give(0, _back(op, op.g))


def mean(op: Op) -> None:
    """dx = g / n."""
    op.give(0, _back(op, op.g / count(op)))


def sum_of_squares(op: Op) -> None:
    """dx = 2 g x."""
    op.give(0, _kept(op, op.g * 2.0) * op.read())


def norm_1(op: Op) -> None:
    """dx = g sign x."""
    op.give(0, _kept(op, op.g) * op.emit("Sign", op.read()))


def norm_2(op: Op) -> None:
    """dx = g x / y, 0 where y is 0."""
    y = op.made()
    op.give(0, _kept(op, (y > 0.0).where(op.g / y, 0.0)) * op.read())


def log_of_sum(op: Op) -> None:
    """y = log sum x: dx = g / exp y."""
    op.give(0, _back(op, op.g / op.emit("Exp", op.made())))


def log_of_sum_of_exponentials(op: Op) -> None:
    """dx = g exp(x - y)."""
    op.give(0, _kept(op, op.g) * op.emit("Exp", op.read() - _kept(op, op.made())))


def product(op: Op) -> None:
    """dx = g y / x, where no x is 0."""
    op.give(0, _kept(op, op.g * op.made()) / op.read())


def extreme(op: Op) -> None:
    """dx = g where x is what ReduceMax or ReduceMin took; equal ones share it."""
    took = op.read().equals(_kept(op, op.made())).cast(op.g.type)
    if _none(op):
        op.give(0, op.g)
        return
    axes = _axes(op)
    shared = op.emit("ReduceSum", took, axes, keepdims=1)
    op.give(0, took * (_kept(op, op.g) / shared))


def softmax(op: Op) -> None:
    """dx = y (g - sum g y)."""
    y, axis = op.made(), [op.attribute("axis", -1)]
    op.give(0, y * (op.g - (op.g * y).summed(axis)))


def log_softmax(op: Op) -> None:
    """dx = g - exp y sum g."""
    op.give(0, op.g - op.emit("Exp", op.made()) * op.g.summed([op.attribute("axis", -1)]))


def cumulative_sum(op: Op) -> None:
    """dx = the sum from the other end."""
    op.give(0, op.emit("CumSum", op.g, op.read(1), exclusive=op.attribute("exclusive", 0), reverse=1 - op.attribute("reverse", 0)))


def top(op: Op) -> None:
    """dx = g at the places that TopK took."""
    x, where = op.read(), op.made(1)
    axis = op.attribute("axis", -1)
    if op.gs[0] is None:
        raise Unfit("only its values can be differentiated")
    op.give(0, op.emit("ScatterElements", op.into.zeros(x, op.g.type), where, op.g, axis=axis, type=op.g.type))


