"""Operators on single elements: dx = g y'(x)."""

from __future__ import annotations

import math

from onnx import TensorProto

from lightweight_cli.gradients.op import Op, Unfit
from lightweight_cli.gradients.values import Value
from lightweight_cli.model.tensors import FLOATS


def negate(op: Op) -> None:
    """dx = -g."""
    op.give(0, -op.g)


def absolute(op: Op) -> None:
    """dx = g sign x."""
    op.give(0, op.g * op.emit("Sign", op.read()))


def exponential(op: Op) -> None:
    """dx = g y."""
    op.give(0, op.g * op.made())


def logarithm(op: Op) -> None:
    """dx = g / x."""
    op.give(0, op.g / op.read())


def square_root(op: Op) -> None:
    """dx = g / (2 y)."""
    op.give(0, op.g * 0.5 / op.made())


def reciprocal(op: Op) -> None:
    """dx = -g y²."""
    y = op.made()
    op.give(0, -(op.g * y * y))


def sine(op: Op) -> None:
    """dx = g cos x."""
    op.give(0, op.g * op.emit("Cos", op.read()))


def cosine(op: Op) -> None:
    """dx = -g sin x."""
    op.give(0, -(op.g * op.emit("Sin", op.read())))


def error_function(op: Op) -> None:
    """dx = g 2/√π exp(-x²)."""
    x = op.read()
    op.give(0, op.g * (op.emit("Exp", -(x * x)) * (2 / math.sqrt(math.pi))))


def relu(op: Op) -> None:
    """dx = g where y is not 0. Two casts take half the time of a comparison or a sign, and a quarter of that of Where."""
    op.give(0, op.g * op.made().cast(TensorProto.BOOL).cast(op.g.type))


def leaky_relu(op: Op) -> None:
    """dx = g where x >= 0, else alpha g."""
    alpha = op.attribute("alpha", 0.01)
    op.give(0, op.g * ((op.read() >= 0.0).cast(op.g.type) * (1.0 - alpha) + alpha))


def _where_positive(op: Op, slope: Value) -> None:
    op.give(0, (op.read() >= 0.0).where(op.g, op.g * slope))


def parametric_relu(op: Op) -> None:
    """dx = g where x >= 0, else slope g; dslope = g x where x < 0."""
    x = op.read()
    below = x < 0.0
    if op.wants(0):
        op.give(0, below.where(op.g * op.read(1), op.g))
    if op.wants(1):
        op.give_summed(1, below.where(op.g * x, 0.0))


def thresholded_relu(op: Op) -> None:
    """dx = g where x > alpha."""
    op.give(0, op.g * (op.read() > op.attribute("alpha", 1.0)).cast(op.g.type))


def elu(op: Op) -> None:
    """dx = g where x >= 0, else g (y + alpha)."""
    _where_positive(op, op.made() + op.attribute("alpha", 1.0))


def celu(op: Op) -> None:
    """dx = g where x >= 0, else g exp(x / alpha)."""
    _where_positive(op, op.emit("Exp", op.emit("Min", op.read(), 0.0) / op.attribute("alpha", 1.0)))


def selu(op: Op) -> None:
    """dx = gamma g where x >= 0, else g (y + gamma alpha)."""
    gamma, alpha = op.attribute("gamma", 1.0507010221481323), op.attribute("alpha", 1.6732631921768188)
    op.give(0, op.g * (op.read() > 0.0).where(gamma, op.made() + gamma * alpha))


def sigmoid(op: Op) -> None:
    """dx = g y (1 - y)."""
    y = op.made()
    op.give(0, op.g * y * (1.0 - y))


def tanh(op: Op) -> None:
    """dx = g (1 - y²)."""
    y = op.made()
    op.give(0, op.g * (1.0 - y * y))


def softplus(op: Op) -> None:
    """dx = g sigmoid x."""
    op.give(0, op.g * op.emit("Sigmoid", op.read()))


def softsign(op: Op) -> None:
    """dx = g (1 - |y|)²."""
    rest = 1.0 - op.emit("Abs", op.made())
    op.give(0, op.g * rest * rest)


def mish(op: Op) -> None:
    """y = x t, t = tanh softplus x: dx = g (t + x (1 - t²) sigmoid x)."""
    x = op.read()
    t = op.emit("Tanh", op.emit("Softplus", x))
    op.give(0, op.g * (t + x * (1.0 - t * t) * op.emit("Sigmoid", x)))


def swish(op: Op) -> None:
    """y = x s, s = sigmoid(alpha x): dx = g (s + alpha y (1 - s))."""
    alpha = op.attribute("alpha", 1.0)
    s = op.emit("Sigmoid", op.read() * alpha)
    op.give(0, op.g * (s + op.made() * (1.0 - s) * alpha))


def gelu(op: Op) -> None:
    """y = x F(x): dx = g (F + x F'), F the normal distribution, or its approximation (1 + tanh(c (x + a x³))) / 2."""
    x = op.read()
    if op.attribute("approximate", "none") == "tanh":
        c, a = math.sqrt(2 / math.pi), 0.044715
        t = op.emit("Tanh", (x + x * x * x * a) * c)
        share, slope = (t + 1.0) * 0.5, (1.0 - t * t) * (x * x * (3 * a) + 1.0) * (c / 2)
    else:
        share = (op.emit("Erf", x * math.sqrt(0.5)) + 1.0) * 0.5
        slope = op.emit("Exp", x * x * -0.5) * (1 / math.sqrt(2 * math.pi))
    op.give(0, op.g * (share + x * slope))


def hard_sigmoid(op: Op) -> None:
    """dx = alpha g where 0 < y < 1."""
    y = op.made()
    op.give(0, op.g * (((y > 0.0) & (y < 1.0)).cast(op.g.type) * op.attribute("alpha", 0.2)))


def hard_swish(op: Op) -> None:
    """y = x clip(x / 6 + 1/2, 0, 1): dx = 0 up to -3, g (x / 3 + 1/2) between, g from 3 on."""
    x, kind = op.read(), op.g.type
    below = (x < 3.0).cast(kind) * (x * (1 / 3) - 0.5)
    op.give(0, op.g * ((x > -3.0).cast(kind) * (below + 1.0)))


def clip(op: Op) -> None:
    """dx = g where y is x still; the bounds are constants."""
    if op.wants(1) or op.wants(2):
        raise Unfit("its bounds are not constants")
    op.give(0, op.g * op.read().equals(op.made()).cast(op.g.type))


def same(op: Op) -> None:
    """dx = g: Identity, Dropout as it is in use."""
    op.give(0, op.g)


def cast(op: Op) -> None:
    """dx = g in the type of x; where x is integers it stays a float, for what was rounded before (straight-through)."""
    x = op.read()
    op.give(0, op.g.cast(x.type) if x.type in FLOATS else op.g)
