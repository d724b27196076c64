"""Operators that sum over channels: what they sum over is tied to what they read, what they make is their own."""

from __future__ import annotations

import numpy as np

from lightweight_cli.structure.trace import Op, Unfit
from lightweight_cli.weights import constants


def _spatial(op: Op, reason: str = "a position in space or time") -> None:
    """Let the batch pass, and space stay."""
    for k in range(2, op.rank(op.x[0])):
        op.trace.freeze(op.x[0], k, reason)
    for k in range(2, op.rank(op.y[0])):
        op.trace.freeze(op.y[0], k, reason)
    op.trace.same(op.y[0], 0, op.x[0], 0)


def _by_position(op: Op, labels: np.ndarray, groups: int) -> np.ndarray:
    """Tie the same position in all groups: each group must keep as many. Returns: the labels of one group."""
    by_group = labels.reshape(groups, -1)
    for other in by_group[1:]:
        op.trace.labels.tie(by_group[0], other)
    return by_group[0]


def conv(op: Op) -> None:
    """Conv: filters are what it makes; each filter sums over what it reads.

    A depthwise filter stands or goes with the channel it reads, and the attribute `group` follows. Of other grouped ones every
    group keeps the same positions.
    """
    trace, (x, w) = op.trace, op.x[:2]
    groups, (read, out, each) = op.attribute("group", 1), (trace.axis(x, 1), trace.axis(w, 0), trace.axis(w, 1))
    if read is None or out is None or each is None:
        raise Unfit("the number of its channels is not known")
    for k in range(2, op.rank(w)):
        trace.freeze(w, k, "a tap of the kernel")
    if groups == 1:
        trace.put(w, 1, read)
    elif len(each) == 1 and len(read) == groups:
        several = out.reshape(groups, -1)
        for j in range(several.shape[1]):
            trace.labels.tie(several[:, j], read)
        trace.anew.append((op.node, "group", lambda kept: int(kept(read).sum())))
    else:
        trace.put(w, 1, _by_position(op, read, groups))
        _by_position(op, out, groups)
    if op.given(2):
        trace.put(op.x[2], 0, out)
    trace.put(op.y[0], 1, out)
    _spatial(op)
    trace.layer(op.node, w, read, out, (None if groups > 1 and len(each) == 1 else 1, 0))


def conv_transpose(op: Op) -> None:
    """ConvTranspose: the weight is [read, made in a group, kernel]."""
    trace, (x, w) = op.trace, op.x[:2]
    groups, (read, each) = op.attribute("group", 1), (trace.axis(x, 1), trace.axis(w, 1))
    out = trace.axis(op.y[0], 1)
    if read is None or out is None or each is None or op.attribute("output_shape"):
        raise Unfit("the number of its channels is not known")
    for k in range(2, op.rank(w)):
        trace.freeze(w, k, "a tap of the kernel")
    trace.put(w, 0, read)
    if groups == 1:
        trace.put(w, 1, out)
    elif len(each) == 1 and len(read) == groups:
        trace.labels.tie(out, read)
        trace.anew.append((op.node, "group", lambda kept: int(kept(read).sum())))
    else:
        _by_position(op, read, groups)
        trace.put(w, 1, _by_position(op, out, groups))
    if op.given(2):
        trace.put(op.x[2], 0, out)
    _spatial(op)
    trace.layer(op.node, w, read, out, (None if groups > 1 and len(each) == 1 else 0, 1))


def gemm(op: Op) -> None:
    """Gemm: sums over the columns of the first, which are the rows of the second; what is added has its columns."""
    trace, (a, b) = op.trace, op.x[:2]
    rows, summed = (1, 0) if op.attribute("transA") else (0, 1)
    inner, outer = (1, 0) if op.attribute("transB") else (0, 1)
    if op.rank(a) != 2 or op.rank(b) != 2:
        raise Unfit("what it reads is no matrix")
    trace.same(b, inner, a, summed)
    trace.same(op.y[0], 1, b, outer)
    trace.same(op.y[0], 0, a, rows)
    if op.given(2):
        rank = op.rank(op.x[2])
        for k in range(rank):
            if trace.sizes.fixed(op.x[2], k) != 1:
                trace.same(op.y[0], 2 - rank + k, op.x[2], k)
    _noted(op, b, inner, outer)


def matmul(op: Op) -> None:
    """MatMul: sums over the last axis of the first and the last but one of the second; stacks are tied as by broadcasting.

    So the heads of queries, keys and values, and of what is made of them, stay or go together.
    """
    trace, (a, b), y = op.trace, op.x[:2], op.y[0]
    ra, rb, ry = op.rank(a), op.rank(b), op.rank(y)
    if ra < 2 or rb < 2:
        raise Unfit("it multiplies by a vector")
    trace.same(b, rb - 2, a, ra - 1)
    trace.same(y, ry - 1, b, rb - 1)
    trace.same(y, ry - 2, a, ra - 2)
    for name, rank in ((a, ra), (b, rb)):
        for k in range(rank - 2):
            if trace.sizes.fixed(name, k) != 1:
                trace.same(y, ry - rank + k, name, k)
    left = constants.is_constant(trace.scope, a) and not constants.is_constant(trace.scope, b)
    _noted(op, a, ra - 1, ra - 2) if left else _noted(op, b, rb - 2, rb - 1)


def _noted(op: Op, weight: str, inner: int, outer: int) -> None:
    """Note a layer where the weight's axes are known."""
    inputs, outputs = op.trace.axis(weight, inner), op.trace.axis(weight, outer)
    if inputs is not None and outputs is not None:
        op.trace.layer(op.node, weight, inputs, outputs, (inner, outer))
