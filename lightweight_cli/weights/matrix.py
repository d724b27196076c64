"""A weight as the matrix that its operator multiplies by: W [groups, outputs, inputs].

    y[g] = W[g] x[g], for every row of inputs x [groups, n, inputs] that calibration collects

| operator | groups | outputs | inputs |
| --- | --- | --- | --- |
| Conv, any number of axes | `group` | channels of a group | channels of a group, then the kernel's axes |
| ConvTranspose | `group` | channels of a group, then the kernel's axes | channels of a group |
| Gemm, MatMul, FusedMatMul, left or right | the weight's batch axes | the axis that stays | the axis that is summed |
| Einsum of two operands | axes of all three | axes that the other operand has not | axes that are summed |
| LSTM, GRU, RNN: W and R | directions | gates x hidden | inputs; hidden |
| Attention | 1 | queries, keys, values | inputs |
| Gather | 1 | entries | what each holds: nothing is multiplied |

Scales (alpha), biases and activation functions are outside. Between operator and weight there may be nodes that move values.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.weights import constant_values
from lightweight_cli.weights.contraction import contraction
from lightweight_cli.weights.node_attributes import number
from lightweight_cli.weights.not_constant import NotConstant
from lightweight_cli.weights.view import View
from lightweight_cli.weights.weight import Role, Weight

if TYPE_CHECKING:
    from onnx import NodeProto

KEPT = {"Identity", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten"}
"""Operators on the way to a weight that a reshape or a transpose tells."""


class NoMatrix(Exception):
    """Why a weight can't be seen as a matrix, in words."""


def matrix_of(weight: Weight) -> View:
    """Return how the weight is seen as W [groups, outputs, inputs], the same at all its uses. Raises: NoMatrix."""
    first = matrix_at(weight, weight.roles[0])
    for role in weight.roles[1:]:
        if not first.same(matrix_at(weight, role)):
            raise NoMatrix("its uses see it as different matrices")
    return first


def matrix_at(weight: Weight, role: Role) -> View:
    """Return how one use sees the weight as W [groups, outputs, inputs]. Raises: NoMatrix."""
    form = FORMS.get((role.op, role.index))
    if form is None:
        raise NoMatrix(f"no matrix is known that {role.op} makes of it")
    if not weight.size:
        raise NoMatrix("is empty")
    try:
        view = form(role.node, arrived(weight, role))
    except (NotConstant, ValueError, IndexError) as e:
        raise NoMatrix(f"does not fit its {role.op}: {e}") from e
    return view


def arrived(weight: Weight, role: Role) -> View:
    """Return the weight as it arrives at the operator. Raises: NoMatrix, NotConstant."""
    view = View(weight.shape)
    home, steps = role.scope, []
    for node in role.path:
        home = home.resolve(node.output[0]) or home
        steps.append((home, node))
    if any(node.op_type not in KEPT for _, node in steps):
        return _picked(weight, role)
    for home, node in reversed(steps):
        if node.op_type == "Transpose":
            perm = next((list(a.ints) for a in node.attribute if a.name == "perm"), None)
            view = view.transpose(*(perm if perm is not None else reversed(range(len(view.shape)))))
        elif node.op_type != "Identity":
            view = view.reshape(*constant_values.shape_of(weight.model, home, node.output[0])[0])
    return view


def _picked(weight: Weight, role: Role) -> View:
    """Return the weight as it arrives after being cut into pieces and joined. Raises: NoMatrix unless each value arrives once."""
    name = role.node.input[role.index]
    chain = constant_values.Chain(weight.model, role.scope, name)
    chain.values[id(weight.scope), weight.name] = np.arange(weight.size).reshape(weight.shape)
    try:
        order = chain.value(role.scope, name)
    except NotConstant:
        order = None
    if order is None or order.size != weight.size or not np.array_equal(np.sort(order, axis=None), np.arange(weight.size)):
        raise NoMatrix(f"only parts of it reach its {role.op}")
    return View(weight.shape).pick(order)


def _conv(node: NodeProto, view: View) -> View:
    groups, (out, *inputs) = max(1, number(node, "group", 1)), view.shape
    return view.reshape(groups, out // groups, math.prod(inputs))


def _conv_transpose(node: NodeProto, view: View) -> View:
    groups, (channels, *outputs) = max(1, number(node, "group", 1)), view.shape
    return view.reshape(groups, channels // groups, math.prod(outputs)).transpose(0, 2, 1)


def _rows(view: View) -> View:
    """The last two axes are outputs and inputs, those before them groups."""
    *batch, out, inputs = view.shape
    return view.reshape(math.prod(batch), out, inputs)


def _columns(view: View) -> View:
    """The last two axes are inputs and outputs, those before them groups."""
    rank = len(view.shape)
    return _rows(view.transpose(*range(rank - 2), rank - 1, rank - 2))


def _gemm(node: NodeProto, view: View) -> View:
    return _rows(view) if number(node, "transB", 0) else _columns(view)


def _gemm_left(node: NodeProto, view: View) -> View:
    return _columns(view) if number(node, "transA", 0) else _rows(view)


def _matmul(node: NodeProto, view: View) -> View:
    return view.reshape(1, 1, *view.shape) if len(view.shape) == 1 else _columns(view)


def _matmul_left(node: NodeProto, view: View) -> View:
    return view.reshape(1, 1, *view.shape) if len(view.shape) == 1 else _rows(view)


def _fused_matmul(node: NodeProto, view: View) -> View:
    if number(node, "transBatchB", 0) or number(node, "transBatchA", 0):
        raise ValueError("its batch axes are moved")
    return _rows(view) if number(node, "transB", 0) and len(view.shape) > 1 else _matmul(node, view)


def _gather(node: NodeProto, view: View) -> View:
    axis = range(len(view.shape))[number(node, "axis", 0)]
    moved = view.transpose(axis, *(i for i in range(len(view.shape)) if i != axis))
    return moved.reshape(1, moved.shape[0], math.prod(moved.shape[1:]))


def _entries(node: NodeProto, view: View) -> View:
    return view.reshape(1, view.shape[0], math.prod(view.shape[1:]))


def _recurrent(node: NodeProto, view: View) -> View:
    directions, gates, inputs = view.shape
    return view.reshape(directions, gates, inputs)


def _attention(node: NodeProto, view: View) -> View:
    inputs, outputs = view.shape
    return view.transpose(1, 0).reshape(1, outputs, inputs)


def _einsum(node: NodeProto, view: View, mine: int) -> View:
    axes = contraction(node, mine)
    seen = view.transpose(*axes.groups, *axes.outputs, *axes.inputs)
    a, b = len(axes.groups), len(axes.groups) + len(axes.outputs)
    return seen.reshape(*(math.prod(part) for part in (seen.shape[:a], seen.shape[a:b], seen.shape[b:])))


FORMS: dict[tuple[str, int], Callable[[NodeProto, View], View]] = {
    ("Conv", 1): _conv, ("FusedConv", 1): _conv, ("ConvTranspose", 1): _conv_transpose,
    ("Gemm", 1): _gemm, ("FusedGemm", 1): _gemm, ("Gemm", 0): _gemm_left,
    ("MatMul", 1): _matmul, ("MatMul", 0): _matmul_left, ("FusedMatMul", 1): _fused_matmul,
    ("Einsum", 0): partial(_einsum, mine=0), ("Einsum", 1): partial(_einsum, mine=1),
    ("Gather", 0): _gather, ("EmbedLayerNormalization", 2): _entries, ("EmbedLayerNormalization", 3): _entries,
    ("EmbedLayerNormalization", 4): _entries, ("Attention", 1): _attention,
    **{(op, index): _recurrent for op in ("LSTM", "GRU", "RNN") for index in (1, 2)},
}
"""(operator, input) -> how it sees the weight that arrives there; those of roles.ROLES that multiply or look up a float weight."""
