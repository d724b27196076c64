"""Reshape, Flatten, Squeeze, Unsqueeze: positions of some axes become those of others in the same order.

Axes are matched block by block, as few as have the same number of elements. In a block one axis of each side carries labels,
the others stay: the channels of what is flattened, the heads of what is cut into heads.
"""

from __future__ import annotations

import math

import numpy as np

from lightweight_cli.structure.sizes import UNKNOWN, Shape
from lightweight_cli.structure.trace import Op, Unfit

INNER = "it is cut or joined with others by {}"
Block = tuple[tuple[int, ...], tuple[int, ...]]


def reshape(op: Op) -> None:
    """Tie both sides block by block; a shape that is stated follows."""
    trace, x, y = op.trace, op.x[0], op.y[0]
    before, after = trace.sizes.shapes(x), trace.sizes.shapes(y)
    if before is None or after is None:
        raise Unfit("the shape of what it reads or makes is not known")
    found = [blocks(a, b) for a, b in zip(before, after, strict=True)]
    if found[0] is None or found[0] != found[1]:
        raise Unfit("it does not keep the order of axes in a way that is known")
    for left, right in found[0]:
        a = [k for k in left if trace.sizes.fixed(x, k) != 1]
        b = [k for k in right if trace.sizes.fixed(y, k) != 1]
        for axes, name in ((set(left) - set(a), x), (set(right) - set(b), y)):
            for k in axes:
                trace.axis(name, k)  # of size 1: frozen as it is
        _block(op, a, b)
    if op.type == "Reshape":
        _stated(op, found[0])


def blocks(before: Shape, after: Shape) -> list[Block] | None:
    """Return which axes of one shape become which of the other, None where sizes are unknown or do not come out even."""
    if UNKNOWN in before or UNKNOWN in after or math.prod(before) != math.prod(after) or not math.prod(before):
        return None
    found: list[Block] = []
    i = j = 0
    while i < len(before) or j < len(after):
        left: list[int] = []
        right: list[int] = []
        a = b = 1
        while True:
            if a <= b and i < len(before) and (a < b or not left):
                a *= before[i]
                left.append(i)
                i += 1
            elif j < len(after) and (b < a or not right):
                b *= after[j]
                right.append(j)
                j += 1
            elif a == b:
                break
            else:
                return None
        found.append((tuple(left), tuple(right)))
    return found


def _block(op: Op, a: list[int], b: list[int]) -> None:
    """Tie the axes of one block, none of them of size 1."""
    trace, x, y = op.trace, op.x[0], op.y[0]
    if len(a) == len(b) == 1:
        trace.same(y, b[0], x, a[0])
        return
    left, right = [trace.axis(x, k) for k in a], [trace.axis(y, k) for k in b]
    p = q = -1
    if a and b and not any(labels is None for labels in (*left, *right)):
        free = [i for i, labels in enumerate(left) if labels is not None and not trace.labels.frozen(labels).all()]
        p = free[0] if free else -1
        q = _tied(op, a, b, p)
    for side, keep, name in ((a, p if q >= 0 else -1, x), (b, q, y)):
        for i, k in enumerate(side):
            if i != keep:
                trace.freeze(name, k, INNER.format(op.type))


def _tied(op: Op, a: list[int], b: list[int], p: int) -> int:
    """Tie axis a[p] to the one of `b` that its labels fall on. Returns: which of `b` that is, -1 for none."""
    trace, x, y = op.trace, op.x[0], op.y[0]
    sizes = [trace.sizes.fixed(x, k) or 0 for k in a]
    others = [trace.sizes.fixed(y, k) or 0 for k in b]
    labels = trace.axis(x, a[p]) if p >= 0 else None
    if labels is None:
        return -1
    if len(b) == 1:
        inner = math.prod(sizes[p + 1 :])
        trace.put(y, b[0], labels[(np.arange(others[0]) // inner) % sizes[p]])
        return 0
    if p == 0 and sizes[0] % others[0] == 0:
        by_outer = labels.reshape(others[0], -1)
        for j in range(1, by_outer.shape[1]):
            trace.labels.tie(by_outer[:, 0], by_outer[:, j])
        trace.put(y, b[0], by_outer[:, 0].copy())
        return 0
    if p == 0 and others[0] % sizes[0] == 0:
        trace.put(y, b[0], np.repeat(labels, others[0] // sizes[0]))
        return 0
    return -1


def _stated(op: Op, found: list[Block]) -> None:
    """Let the stated sizes follow: 0 takes the size of the same axis, -1 what is left."""
    trace, x, y = op.trace, op.x[0], op.y[0]
    numbers = trace.numbers.given(op.node, 1, "shape")
    for left, right in found:
        for k in right:
            labels = trace.axis(y, k)
            if labels is None or trace.labels.frozen(labels).all():
                continue
            value = numbers[k].value if numbers is not None and k < len(numbers) and numbers[k].of is None else None
            if value == -1:
                continue
            if value == 0 and not op.attribute("allowzero"):
                if k in left and len([i for i in left if trace.sizes.fixed(x, i) != 1]) == 1:
                    continue
                trace.freeze(y, k, INNER.format(op.type))
            else:
                trace.count(numbers, k, labels)
