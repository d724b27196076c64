"""Normalisations: of channels by numbers that are known, or of an example by its own mean and variance."""

from __future__ import annotations

from lightweight_cli.gradients.op import Op, Unfit
from lightweight_cli.gradients.values import Value


def _column(op: Op, value: Value, rank: int) -> Value:
    """Return one number a channel [C] as [C, 1, ...], to go with x [N, C, ...]."""
    return value.reshaped([-1] + [1] * (rank - 2))


def batch_normalization(op: Op) -> None:
    """y = s (x - m) r + b, r = 1 / sqrt(v + eps): dx = g s r, ds = sum g (x - m) r, db = sum g, dm = -s r db, dv = -s r² ds / 2."""
    if op.attribute("training_mode", 0):
        raise Unfit("it is in training mode")
    x, rank = op.read(0), op.rank(op.read(0))
    scale, mean, variance = op.read(1), op.read(3), op.read(4)
    others = [0, *range(2, rank)]
    rate = 1.0 / op.emit("Sqrt", variance + op.attribute("epsilon", 1e-5))
    if op.wants(0):
        op.give(0, op.g * _column(op, scale * rate, rank))
    if op.wants(1) or op.wants(4):
        slope = (op.g * (x - _column(op, mean, rank))).summed(others, keep=False) * rate
        op.give(1, slope)
        op.give(4, slope * scale * rate * rate * -0.5)
    if op.wants(2) or op.wants(3):
        total = op.g.summed(others, keep=False)
        op.give(2, total)
        op.give(3, -(total * scale * rate))


def _normalised(op: Op, x: Value, axes: list[int]) -> tuple[Value, Value]:
    """Return x^ = (x - mean) r and r = 1 / sqrt(variance + eps)."""
    centred = x - x.mean(axes)
    rate = 1.0 / op.emit("Sqrt", (centred * centred).mean(axes) + op.attribute("epsilon", 1e-5))
    return centred * rate, rate


def _back(own: Value, x: Value, rate: Value, axes: list[int]) -> Value:
    """dx = r (h - mean h - x^ mean(h x^)), h the gradient of x^."""
    return rate * (own - own.mean(axes) - x * (own * x).mean(axes))


def layer_normalization(op: Op) -> None:
    """y = s x^ + b: dx = r (h - mean h - x^ mean(h x^)), h = g s; ds = sum g x^, db = sum g."""
    rank = op.rank(op.read())
    axes = list(range(op.attribute("axis", -1) % rank, rank))
    x, rate = _normalised(op, op.read(), axes)
    if op.wants(0):
        op.give(0, _back(op.g * op.read(1), x, rate, axes))
    if op.wants(1):
        op.give_summed(1, op.g * x)
    if op.wants(2):
        op.give_summed(2, op.g)


def rms_normalization(op: Op) -> None:
    """y = s x r, r = 1 / sqrt(mean x² + eps): dx = r (h - x^ mean(h x^)), h = g s, x^ = x r; ds = sum g x^."""
    rank = op.rank(op.read())
    axes = list(range(op.attribute("axis", -1) % rank, rank))
    x = op.read()
    rate = 1.0 / op.emit("Sqrt", (x * x).mean(axes) + op.attribute("epsilon", 1e-5))
    x = x * rate
    own = op.g * op.read(1)
    op.give(0, rate * (own - x * (own * x).mean(axes)))
    op.give_summed(1, op.g * x)


def instance_normalization(op: Op) -> None:
    """As LayerNormalization over the space of each channel, with s and b one a channel."""
    rank = op.rank(op.read())
    axes, others = list(range(2, rank)), [0, *range(2, rank)]
    x, rate = _normalised(op, op.read(), axes)
    if op.wants(0):
        op.give(0, _back(op.g * _column(op, op.read(1), rank), x, rate, axes))
    op.give(1, (op.g * x).summed(others, keep=False))
    op.give(2, op.g.summed(others, keep=False))


def group_normalization(op: Op) -> None:
    """As LayerNormalization over groups of channels and their space; before opset 21 s and b are one a group."""
    rank, whole = op.rank(op.read()), op.into.sizes(op.read())
    groups = op.attribute("num_groups")
    shape = [0, groups, -1]
    x, rate = _normalised(op, op.read().reshaped(shape), [2])
    if op.opset < 21:
        g, scale = op.g.reshaped(shape), op.read(1).reshaped([groups, 1])
        op.give(0, _back(g * scale, x, rate, [2]).reshaped(whole))
        op.give(1, (g * x).summed([0, 2], keep=False))
        op.give(2, g.summed([0, 2], keep=False))
        return
    others = [0, *range(2, rank)]
    own = (op.g * _column(op, op.read(1), rank)).reshaped(shape)
    op.give(0, _back(own, x, rate, [2]).reshaped(whole))
    op.give(1, (op.g * x.reshaped(whole)).summed(others, keep=False))
    op.give(2, op.g.summed(others, keep=False))


def lp_normalization(op: Op) -> None:
    """y = x / n, n = the norm: dx = (g - y sum(g y)) / n, and for p = 1 (g - sign x sum(g y)) / n."""
    x, y, axis = op.read(), op.made(), [op.attribute("axis", -1)]
    inner = (op.g * y).summed(axis)
    if op.attribute("p", 2) == 1:
        op.give(0, (op.g - op.emit("Sign", x) * inner) / op.emit("Abs", x).summed(axis))
    else:
        op.give(0, (op.g - y * inner) / op.emit("Sqrt", (x * x).summed(axis)))
