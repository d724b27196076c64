"""Operators that work on each element by itself: positions stay where they are."""

from __future__ import annotations

from lightweight_cli.structure.trace import Op, Unfit

UNARY = ("Relu", "LeakyRelu", "Elu", "Selu", "Celu", "ThresholdedRelu", "Sigmoid", "HardSigmoid", "HardSwish", "Swish", "Tanh", "Erf",
         "Gelu", "FastGelu", "QuickGelu", "Mish", "Softplus", "Softsign", "Exp", "Log", "Sqrt", "Reciprocal", "Neg", "Abs", "Sign",
         "Floor", "Ceil", "Round", "Sin", "Cos", "Tan", "Atan", "Identity", "Cast", "Not", "IsNaN", "IsInf", "Clip", "Shrink", "Dropout")
BROADCAST = ("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum", "Mean", "Mod", "Where", "PRelu", "Equal", "Greater", "Less",
             "GreaterOrEqual", "LessOrEqual", "And", "Or", "Xor")


def unary(op: Op) -> None:
    """Tie every axis of what it reads to the same axis of what it makes; limits and ratios are single numbers."""
    if any(op.trace.sizes.fixed(name, k) != 1 for name in op.x[1:] if name for k in range(op.rank(name))):
        raise Unfit("it reads more than single numbers beside")
    for y in op.y:
        if y:
            op.same(range(op.rank(op.x[0])), target=y)


def broadcast(op: Op) -> None:
    """Tie the axes that stand above each other; an axis of size 1 is repeated and ties nothing.

    So both branches of a residual connection keep the same channels, and the gates of an SE block those of what they gate.
    """
    trace, out = op.trace, op.y[0]
    rank = op.rank(out)
    if op.attribute("broadcast") or op.attribute("axis") is not None:  # before opset 7
        raise Unfit("it broadcasts as operators did before opset 7")
    for name in op.x:
        ahead = rank - op.rank(name)
        for k in range(op.rank(name)):
            if trace.sizes.fixed(name, k) != 1:
                trace.same(out, k + ahead, name, k)


def quantized(op: Op) -> None:
    """Tie what is stored and what it stands for, and the axis that has its own scales; blocks of shared scales stay."""
    trace, (x, scale) = op.trace, op.x[:2]
    rank, axis = op.rank(x), op.attribute("axis", 1)
    op.same(range(rank))
    for name in op.x[1:3]:
        if not name or op.rank(name) == 0 or trace.sizes.fixed(name, 0) == 1 == op.rank(name):
            continue
        if op.rank(name) == 1:
            trace.same(name, 0, x, axis)
            continue
        for k in range(rank):
            if trace.sizes.fixed(scale, k) == trace.sizes.fixed(x, k):
                trace.same(name, k, x, k)
            else:
                trace.freeze(x, k, "its weights share scales in blocks")
                trace.freeze(name, k, "its weights share scales in blocks")
