"""Products of matrices."""

from __future__ import annotations

import numpy as np

from lightweight_cli.gradients.op import Op, Unfit
from lightweight_cli.gradients.unbroadcast import at_run_time
from lightweight_cli.gradients.values import Value


def gemm(op: Op) -> None:
    """y = alpha A B + beta C: dA = alpha g B', dB = alpha A' g, dC = beta g, with A or B transposed as they are read."""
    a, b = op.read(0), op.read(1)
    turned_a, turned_b, alpha = op.attribute("transA", 0), op.attribute("transB", 0), op.attribute("alpha", 1.0)
    if op.wants(0):
        op.give(0, op.emit("Gemm", b, op.g, alpha=alpha, transA=turned_b, transB=1) if turned_a
                else op.emit("Gemm", op.g, b, alpha=alpha, transB=1 - turned_b))
    if op.wants(1):
        op.give(1, op.emit("Gemm", op.g, a, alpha=alpha, transA=1, transB=turned_a) if turned_b
                else op.emit("Gemm", a, op.g, alpha=alpha, transA=1 - turned_a))
    if op.wants(2):
        beta = op.attribute("beta", 1.0)
        op.give_summed(2, op.g if beta == 1 else op.g * beta)


def matmul(op: Op) -> None:
    """da = g b', db = a' g in the last two axes, summed over those that were broadcast."""
    a, b, g = op.read(0), op.read(1), op.g
    if op.shape(a) is None and op.facts.static(b.name) is not None and op.rank(b) == 2:
        op.give(0, g @ b.transposed([1, 0]))
        rows, columns = op.facts.static(b.name) or ()
        op.give(1, op.emit("Gemm", a.reshaped([-1, rows]), g.reshaped([-1, columns]), transA=1))
        return
    ranks = op.rank(a), op.rank(b)
    if ranks[1] == 1:
        g = op.emit("Unsqueeze", g, np.array([-1], np.int64))
        b = b.reshaped([-1, 1])
    if ranks[0] == 1:
        g = op.emit("Unsqueeze", g, np.array([-2], np.int64))
        a = a.reshaped([1, -1])
    if op.wants(0):
        _give(op, 0, g @ _turned(b, max(ranks[1], 2)), max(ranks))
    if op.wants(1) and ranks[1] <= 2:
        wide, inner = op.fixed(b, -1) if ranks[1] == 2 else 1, op.fixed(op.read(1), 0)
        if inner is None or wide is None:
            _give(op, 1, _turned(a, max(ranks[0], 2)) @ g, max(ranks))
        else:  # all rows at once
            product = op.emit("Gemm", a.reshaped([-1, inner]), g.reshaped([-1, wide]), transA=1)
            op.give(1, product if ranks[1] == 2 else product.reshaped([-1]))
    elif op.wants(1):
        _give(op, 1, _turned(a, max(ranks[0], 2)) @ g, max(ranks))


def _turned(value: Value, rank: int) -> Value:
    return value.transposed([*range(rank - 2), rank - 1, rank - 2])


def _give(op: Op, index: int, gradient: Value, rank: int) -> None:
    """Sum a product over the axes of matrices that the input has fewer of, or once only."""
    x = op.read(index)
    shapes = op.shape(op.read(0)), op.shape(op.read(1))
    mine, other = (s[:-2] for s in ((shapes[index] or ()), (shapes[1 - index] or ())))
    alike = mine == other and None not in mine
    alike = alike or not other or (len(other) <= len(mine) and all(d == 1 for d in other))
    if op.rank(x) == 1:
        gradient = gradient.summed(list(range(max(rank, 2) - 2)), keep=False).reshaped([-1])
        op.give(index, gradient)
    else:
        op.give(index, gradient if alike else at_run_time(op.into, gradient, x))


def einsum(op: Op) -> None:
    """d of one operand is the Einsum of g and the others into its own axes; axes that it alone has are repeated."""
    equation = op.attribute("equation").replace(" ", "")
    terms, arrow, result = equation.partition("->")
    if "." in equation:
        raise Unfit("its equation has an ellipsis")
    parts = terms.split(",")
    if not arrow:
        result = "".join(sorted(c for c in set(terms) - {","} if terms.count(c) == 1))
    if any(len(set(p)) != len(p) for p in (*parts, result)):
        raise Unfit("its equation takes a diagonal")
    for k, part in enumerate(parts):
        if not op.wants(k):
            continue
        others = [p for j, p in enumerate(parts) if j != k]
        there = set(result).union(*others)
        reach = "".join(c for c in part if c in there)
        operands = [op.g, *(op.read(j) for j in range(len(parts)) if j != k)]
        gradient = op.emit("Einsum", *operands, equation=f"{','.join([result, *others])}->{reach}")
        own = [at for at, c in enumerate(part) if c not in there]
        if own:
            gradient = op.emit("Unsqueeze", gradient, np.array(own, np.int64)).expanded(op.into.sizes(op.read(k)))
        op.give(k, gradient)
