"""From what reaches an operator to the rows that its weight's matrix multiplies: x [groups, n, inputs].

The columns are in the order of weights/matrix.py. Rows are taken by their number, so that the same ones can be asked of two
models, and nothing is made of those that are not taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightweight_cli.calibration.patches import patches, pixels, window
from lightweight_cli.calibration.points import Points, grouped
from lightweight_cli.weights.contraction import contraction
from lightweight_cli.weights.node_attributes import number, text

if TYPE_CHECKING:
    from onnx import NodeProto

    from lightweight_cli.weights.weight import Role

Shape = tuple[int, ...]
Reader = Callable[["Sequence[np.ndarray | None]"], Points]


class Rows(NamedTuple):
    """How to read an operator's rows: of which of its inputs and outputs."""

    read: Reader
    inputs: tuple[int, ...]
    """Inputs of the node whose arrays `read` takes, in order."""
    outputs: tuple[int, ...] = ()
    """Outputs of the node whose arrays follow those."""


def rows_of(role: Role, arrived: Shape) -> Rows | None:
    """Return how the rows of one use are read, the weight having the shape `arrived` there; None: there are none.

    Raises: NotConstant for attributes that operators do not define.
    """
    make = ROWS.get((role.op, role.index))
    return make(role.node, arrived) if make else None


def _points(flat: np.ndarray) -> Points:
    """Rows [n, d] of an operator without groups."""
    return Points(len(flat), lambda index: flat[index][None])


def _last_axis(arrays: Sequence[np.ndarray | None]) -> Points:
    (x,) = arrays
    assert x is not None
    return _points(x.reshape(-1, x.shape[-1]))


def _gemm(node: NodeProto, arrived: Shape) -> Rows:
    turned = number(node, "transA", 0)
    return Rows(lambda arrays: _last_axis([a.T if turned and a is not None else a for a in arrays]), (0,))


def _gemm_left(node: NodeProto, arrived: Shape) -> Rows:
    turned = not number(node, "transB", 0)
    return Rows(lambda arrays: _last_axis([a.T if turned and a is not None else a for a in arrays]), (1,))


def _matmul(node: NodeProto, arrived: Shape, *, left: bool = False, turn: bool = False) -> Rows:
    """Rows along the last axis; with `turn` along the last but one; batch axes of the weight are groups."""
    return Rows(partial(_batched, batch=arrived[:-2], turn=turn), (1 if left else 0,))


def _batched(arrays: Sequence[np.ndarray | None], batch: Shape, turn: bool) -> Points:
    (x,) = arrays
    assert x is not None
    if x.ndim == 1:
        x = x[None]
    elif turn:
        x = x.swapaxes(-1, -2)
    if math.prod(batch) == 1:
        return _points(x.reshape(-1, x.shape[-1]))
    mine = (1,) * (len(batch) - x.ndim + 2) + x.shape[:-2]  # the batch axes, at least as many as the weight's
    theirs = (1,) * (len(mine) - len(batch)) + batch
    x = np.broadcast_to(x.reshape(*mine, *x.shape[-2:]), (*np.broadcast_shapes(mine, theirs), *x.shape[-2:]))
    groups = [i for i, d in enumerate(theirs) if d > 1]
    free = [i for i in range(x.ndim - 1) if i not in groups]
    return grouped(x.transpose(*groups, *free, x.ndim - 1), len(groups), 1)


def _fused_matmul(node: NodeProto, arrived: Shape) -> Rows:
    return _matmul(node, arrived, turn=bool(number(node, "transA", 0)))


def _inputs_of_steps(node: NodeProto, arrived: Shape) -> Rows:
    """The inputs of every step, the same for both directions."""
    directions = arrived[0]

    def read(arrays: Sequence[np.ndarray | None]) -> Points:
        one = _last_axis(arrays)
        return Points(one.total, lambda index: np.broadcast_to(one.take(index), (directions, len(index), arrived[-1])))

    return Rows(read, (0,))


def _states(node: NodeProto, arrived: Shape) -> Rows:
    """What each step finds as hidden state: the outputs of the step before it, or the initial state (zero if not given).

    GRU with linear_before_reset = 0 multiplies by the state after its reset gate in a third of R: that is not known here.
    """
    batch_first, direction = number(node, "layout", 0), text(node, "direction", "forward")

    def read(arrays: Sequence[np.ndarray | None]) -> Points:
        initial, y = arrays
        assert y is not None
        y = y.transpose(2, 1, 0, 3) if batch_first else y.swapaxes(0, 1)  # [directions, steps, batch, hidden]
        first = np.zeros_like(y[:, 0]) if initial is None else initial.swapaxes(0, 1) if batch_first else initial
        before = np.empty_like(y)
        for d in range(len(y)):
            if d == 1 or direction == "reverse":
                before[d, -1], before[d, :-1] = first[d], y[d, 1:]
            else:
                before[d, 0], before[d, 1:] = first[d], y[d, :-1]
        before = before.reshape(len(y), -1, y.shape[-1])
        return Points(before.shape[1], lambda index: before[:, index])

    return Rows(read, (5,), (0,))


def _conv(node: NodeProto, arrived: Shape) -> Rows:
    return Rows(partial(patches, moves=window(node, arrived)), (0,))


def _conv_transpose(node: NodeProto, arrived: Shape) -> Rows:
    return Rows(partial(pixels, groups=max(1, number(node, "group", 1))), (0,))


def _einsum(node: NodeProto, arrived: Shape, mine: int) -> Rows:
    axes = contraction(node, mine)

    def read(arrays: Sequence[np.ndarray | None]) -> Points:
        (x,) = arrays
        assert x is not None
        groups, inputs = ([i % x.ndim for i in some] for some in (axes.others_groups, axes.others_inputs))
        free = [i for i in range(x.ndim) if i not in groups and i not in inputs]
        return grouped(x.transpose(*groups, *free, *inputs), len(groups), len(inputs))

    return Rows(read, (1 - mine,))


def _attention(node: NodeProto, arrived: Shape) -> Rows:
    return Rows(_last_axis, (0,))


ROWS: dict[tuple[str, int], Callable[[NodeProto, Shape], Rows]] = {
    ("Conv", 1): _conv, ("FusedConv", 1): _conv, ("ConvTranspose", 1): _conv_transpose,
    ("Gemm", 1): _gemm, ("FusedGemm", 1): _gemm, ("Gemm", 0): _gemm_left,
    ("MatMul", 1): _matmul, ("MatMul", 0): partial(_matmul, left=True, turn=True), ("FusedMatMul", 1): _fused_matmul,
    ("Attention", 1): _attention, ("Einsum", 0): partial(_einsum, mine=0), ("Einsum", 1): partial(_einsum, mine=1),
    **{(op, 1): _inputs_of_steps for op in ("LSTM", "GRU", "RNN")},
    **{(op, 2): _states for op in ("LSTM", "GRU", "RNN")},
}
"""(operator, input) -> the rows of the weight that arrives there; a Gather multiplies nothing and is counted (counts.py)."""
