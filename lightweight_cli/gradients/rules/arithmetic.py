"""Arithmetic of two or more, with broadcasting: what was repeated is summed."""

from __future__ import annotations

from lightweight_cli.gradients.op import Op


def add(op: Op) -> None:
    """dx = g for each summand, of Add and of Sum."""
    for k in range(len(op.x)):
        op.give_summed(k, op.g)


def subtract(op: Op) -> None:
    """da = g, db = -g."""
    op.give_summed(0, op.g)
    if op.wants(1):
        op.give_summed(1, -op.g)


def multiply(op: Op) -> None:
    """da = g b, db = g a."""
    for k in (0, 1):
        if op.wants(k):
            op.give_summed(k, op.g * op.read(1 - k))


def divide(op: Op) -> None:
    """da = g / b, db = -g y / b."""
    part = op.g / op.read(1)
    op.give_summed(0, part)
    if op.wants(1):
        op.give_summed(1, -(part * op.made()))


def power(op: Op) -> None:
    """dx = g p x^(p - 1), dp = g y log x."""
    x, p = op.read(0), op.read(1)
    exponent = op.constant(1)
    if op.wants(0):
        if exponent is not None and exponent.size == 1:
            known = float(exponent.reshape(-1)[0])
            slope = x if known == 2 else op.emit("Pow", x, known - 1)
            op.give_summed(0, op.g * slope * known)
        else:
            p = p.cast(x.type)
            op.give_summed(0, op.g * p * op.emit("Pow", x, p - 1.0))
    if op.wants(1):
        op.give_summed(1, op.g * op.made() * op.emit("Log", x))


def extreme(op: Op) -> None:
    """dx = g where x is what Max or Min took; equal ones share it."""
    y = op.made()
    took = [op.read(k).equals(y).cast(op.g.type) for k in range(len(op.x))]
    if len(took) == 1:
        op.give(0, op.g)
        return
    share = op.g / op.emit("Sum", *took)
    for k, one in enumerate(took):
        op.give_summed(k, share * one)


def mean(op: Op) -> None:
    """dx = g / n for each of n summands."""
    for k in range(len(op.x)):
        op.give_summed(k, op.g * (1 / len(op.x)))


def where(op: Op) -> None:
    """da = g where the condition holds, db = g where it doesn't."""
    condition = op.read(0)
    if op.wants(1):
        op.give_summed(1, condition.where(op.g, 0.0))
    if op.wants(2):
        op.give_summed(2, condition.where(0.0, op.g))
