"""Operators that move, join, cut and repeat: labels go where their positions go."""

from __future__ import annotations

import numpy as np

from lightweight_cli.structure.trace import UNFOLLOWED, Op, Unfit


def transpose(op: Op) -> None:
    """Let each axis take its labels along."""
    rank = op.rank(op.x[0])
    for k, source in enumerate(op.attribute("perm", list(range(rank))[::-1])):
        op.trace.same(op.y[0], k, op.x[0], source)


def concat(op: Op) -> None:
    """Join the labels along the axis, tie the other axes."""
    trace, rank = op.trace, op.rank(op.y[0])
    axis = op.attribute("axis", 1) % rank
    for k in range(rank):
        if k != axis:
            for name in op.x:
                trace.same(op.y[0], k, name, k)
            continue
        parts = [trace.axis(name, k) for name in op.x]
        if any(p is None for p in parts):
            for name in (*op.x, op.y[0]):
                trace.freeze(name, k, "it is joined with what depends on the inputs")
        else:
            trace.put(op.y[0], k, np.concatenate([p for p in parts if p is not None]))


def split(op: Op) -> None:
    """Cut the labels along the axis; the sizes of the parts follow, and are stated where they were not."""
    trace, rank = op.trace, op.rank(op.x[0])
    axis = op.attribute("axis", 0) % rank
    labels = trace.axis(op.x[0], axis)
    sizes = [trace.sizes.fixed(y, axis) for y in op.y]
    if labels is None or any(s is None for s in sizes) or sum(s or 0 for s in sizes) != len(labels):
        raise Unfit("the sizes of its parts are not known")
    parts = np.split(labels, np.cumsum([s or 0 for s in sizes])[:-1])
    for y, part in zip(op.y, parts, strict=True):
        trace.put(y, axis, part)
        op.same([k for k in range(rank) if k != axis], target=y)
    stated = 1 if trace.scope.opset >= 13 else "split"
    trace.anew.append((op.node, stated, lambda kept: [int(kept(part).sum()) for part in parts]))


def slice_(op: Op) -> None:
    """Take the labels of what is cut out; where it begins and ends follows."""
    trace, rank = op.trace, op.rank(op.x[0])
    starts, ends = op.values(1, "starts"), op.values(2, "ends")
    axes, steps = op.values(3, "axes"), op.values(4) or [1] * rank
    if axes is None and not op.given(3):
        axes = list(range(len(starts or ())))
    for k in range(rank):
        at = None if axes is None else next((j for j, a in enumerate(axes) if a % rank == k), -1)
        if at == -1:
            op.same([k])
            continue
        labels = trace.axis(op.x[0], k)
        known = at is not None and starts is not None and ends is not None
        if labels is None or not known or steps[at] < 1:  # type: ignore[index]
            trace.freeze(op.x[0], k, "what is cut out of it depends on the inputs")
            trace.freeze(op.y[0], k, "what is cut out of it depends on the inputs")
            continue
        assert at is not None and starts is not None and ends is not None
        first, last, step = slice(starts[at], ends[at], steps[at]).indices(len(labels))
        trace.put(op.y[0], k, labels[first:last:step])
        if step != 1:
            trace.labels.freeze(labels, "every so many of it are cut out")
            continue
        for where, attribute, stop in ((1, "starts", first), (2, "ends", last)):
            numbers = trace.numbers.given(op.node, where, attribute)
            place = numbers[at].place if numbers else None
            if place is None or place.node != id(op.node):
                trace.labels.freeze(labels, UNFOLLOWED)
            else:
                trace.counts[place] = labels[:stop]


def gather(op: Op) -> None:
    """Take the labels at constant indices; the indices follow. Where they are not constant, the axis stays and others pass."""
    trace, (x, indices), y = op.trace, op.x[:2], op.y[0]
    rank, inner = op.rank(x), op.rank(indices)
    axis = op.attribute("axis", 0) % rank
    for k in range(rank):
        if k != axis:
            trace.same(y, k if k < axis else k - 1 + inner, x, k)
    labels, at = trace.axis(x, axis), op.values(1)
    if labels is None or at is None or inner != 1 or not op.given(1) or not all(-len(labels) <= i < len(labels) for i in at):
        trace.freeze(x, axis, "what is taken of it depends on the inputs" if at is None else "one of it is taken by its number")
        for k in range(inner):
            trace.freeze(y, axis + k, "what is taken depends on the inputs")
        return
    where = np.array(at) % len(labels)
    trace.put(y, axis, labels[where])

    def follow(kept: object) -> np.ndarray:
        stays = kept(labels)  # type: ignore[operator]
        return (np.cumsum(stays) - 1)[where[stays[where]]]

    trace.anew.append((op.node, 1, follow))


def pad(op: Op) -> None:
    """Let axes that are not padded pass."""
    rank, pads = op.rank(op.x[0]), op.values(1, "pads")
    axes = op.values(3) if op.given(3) else list(range(rank))
    for k in range(rank):
        at = None if axes is None or pads is None else next((j for j, a in enumerate(axes) if a % rank == k), -1)
        if at == -1 or (at is not None and pads is not None and pads[at] == pads[at + len(pads) // 2] == 0):
            op.same([k])
        else:
            op.trace.freeze(op.x[0], k, "it is padded")
            op.trace.freeze(op.y[0], k, "it is padded")


def expand(op: Op) -> None:
    """Tie axes that are not repeated; the shape that is stated follows. Repeated ones stay."""
    trace, (x, _), y = op.trace, op.x[:2], op.y[0]
    numbers, rank = trace.numbers.given(op.node, 1), op.rank(y)
    ahead = rank - op.rank(x)
    for k in range(rank):
        labels = trace.axis(x, k - ahead) if k >= ahead else None
        if labels is None or trace.sizes.fixed(y, k) != len(labels):
            if k >= ahead:
                trace.freeze(x, k - ahead, "it is repeated")
            trace.freeze(y, k, "it is repeated")
            continue
        trace.put(y, k, labels)
        at = k - rank + len(numbers) if numbers is not None else None
        if numbers is None or (at is not None and at >= 0 and numbers[at].value != 1):
            trace.count(numbers, at or 0, labels)


def tile(op: Op) -> None:
    """Let axes that are taken once pass."""
    repeats = op.values(1)
    for k in range(op.rank(op.x[0])):
        if repeats is not None and repeats[k] == 1:
            op.same([k])
        else:
            op.trace.freeze(op.x[0], k, "it is repeated")
            op.trace.freeze(op.y[0], k, "it is repeated")


def resize(op: Op) -> None:
    """Let axes that are not resized pass; where sizes are stated they follow. Space stays."""
    trace, rank = op.trace, op.rank(op.x[0])
    sizes = trace.numbers.given(op.node, 3) if op.type == "Resize" else None
    if op.attribute("axes") is not None or op.type == "Resize" and trace.scope.opset < 11:
        raise Unfit("its axes are stated in a form that is not followed")
    for k in range(rank):
        if k < 2 and trace.sizes.fixed(op.x[0], k) is not None and trace.sizes.fixed(op.x[0], k) == trace.sizes.fixed(op.y[0], k):
            op.same([k])
            if op.given(3):
                trace.count(sizes, k, trace.axis(op.y[0], k))
        else:
            trace.freeze(op.x[0], k, "it is resized")
            trace.freeze(op.y[0], k, "it is resized")


def constant_of_shape(op: Op) -> None:
    """Make what has the sizes that are stated; they follow."""
    numbers = op.trace.numbers.given(op.node, 0)
    for k in range(op.rank(op.y[0])):
        op.trace.count(numbers, k, op.trace.axis(op.y[0], k))
