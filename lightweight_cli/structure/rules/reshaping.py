"""Reshape, Flatten, Squeeze, Unsqueeze: positions of some axes become those of others in the same order.

Axes are matched block by block, as few as have the same number of elements. In a block one axis of each side carries labels,
the others stay: the channels of what is flattened; of what is cut into heads the heads, or the dimensions within each.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from lightweight_cli.structure.sizes import UNKNOWN, Shape
from lightweight_cli.structure.trace import Kept, Op, Unfit

STACKED = (2, 3)
"""Sizes of a first axis of several that is a stack of keys and values, or of queries too: the heads come after it."""
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
    if len(a) == 1 and (q := _carrier(others, trace.inner)):
        by_place = np.moveaxis(labels.reshape(math.prod(others[:q]), others[q], -1), 1, 0).reshape(others[q], -1)
        return _together(op, b[q], by_place, q)
    if p == 0 and sizes[0] % others[0] == 0:
        return _together(op, b[0], labels.reshape(others[0], -1), 0)
    if p == 0 and others[0] % sizes[0] == 0:
        trace.put(y, b[0], np.repeat(labels, others[0] // sizes[0]))
        return 0
    return -1


def _carrier(sizes: list[int], inner: bool) -> int:
    """Return which of several axes carries labels: the heads, or what is within each."""
    return len(sizes) - 1 if inner else int(len(sizes) > 2 and sizes[0] in STACKED)


def _together(op: Op, axis: int, labels: np.ndarray, q: int) -> int:
    """Tie the labels of each row, and let them be those of an axis of what is made. Returns: `q`."""
    for j in range(1, labels.shape[1]):
        op.trace.labels.tie(labels[:, 0], labels[:, j])
    op.trace.put(op.y[0], axis, labels[:, 0].copy())
    return q


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
            elif numbers is not None and trace.counted_for_others(numbers[k].place, labels) and (whole := _whole(op, found)) is not None:
                trace.apart.add(id(op.node))
                trace.anew.append((op.node, 1, whole))
                if op.attribute("allowzero"):
                    trace.anew.append((op.node, "allowzero", lambda kept: 0))
                return
            else:
                trace.count(numbers, k, labels)


def _whole(op: Op, found: list[Block]) -> Callable[[Kept], list[int]] | None:
    """Return what gives the whole shape as constants: 0 for an axis that passes, -1 for one that is open; None for more of those."""
    trace, y = op.trace, op.y[0]
    passing = {right[0] for left, right in found if left == right and len(left) == 1}
    axes = [trace.axis(y, k) for k in range(op.rank(y))]
    rest = [0 if k in passing else -1 for k, labels in enumerate(axes) if labels is None]
    if rest.count(-1) > 1:
        return None

    def shape(kept: Kept) -> list[int]:
        of_open = iter(rest)
        return [next(of_open) if labels is None else int(kept(labels).sum()) for labels in axes]

    return shape
