"""The bias of a layer: the constant that is added to the outputs of a weight, and to nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightweight_cli.model import tensors
from lightweight_cli.weights import constants
from lightweight_cli.weights.matrix import NoMatrix, matrix_of
from lightweight_cli.weights.weight import Role, Weight

if TYPE_CHECKING:
    from onnx import NodeProto


THIRD = {("Conv", 1), ("FusedConv", 1), ("Gemm", 1)}
"""Operators that take a bias as their third input."""


def bias_of(weight: Weight) -> Weight | None:
    """Return the bias of a weight of one use, one value an output in the order of its matrix [groups, outputs, inputs].

    It is stored as floats, no one else reads it, and no caller can set it. Returns: None where there is no such bias.
    """
    if len(weight.roles) != 1 or weight.roles[0].scope is not weight.scope:
        return None
    role = weight.roles[0]
    found = _third(role) if (role.op, role.index) in THIRD else _added(role) if (role.op, role.index) == ("MatMul", 1) else None
    if found is None:
        return None
    node, name = found
    scope, tensor = role.scope, constants.leaf(role.scope, name)
    if tensor is None or tensor.data_type not in tensors.FLOATS or len(scope.uses.get(name, ())) != 1:
        return None
    if name in scope.inputs or name in scope.outputs:
        return None
    try:
        groups, outputs, _ = matrix_of(weight).shape
    except NoMatrix:
        return None
    bias = Weight(weight.model, scope, name, tuple(tensor.dims), tensor.data_type, tensor, [Role(scope, node, 0, ())])
    last = bias.shape[-1] if role.op == "MatMul" and bias.shape else groups * outputs
    return bias if bias.size == groups * outputs == last else None


def _third(role: Role) -> tuple[NodeProto, str] | None:
    node = role.node
    plain = node.op_type != "Gemm" or (_factor(node, "alpha") == 1 and _factor(node, "beta") == 1)
    return (node, node.input[2]) if plain and len(node.input) > 2 and node.input[2] else None


def _added(role: Role) -> tuple[NodeProto, str] | None:
    """The other operand of the one Add that reads a product."""
    scope, product = role.scope, role.node.output[0]
    uses = scope.uses.get(product, [])
    if len(uses) != 1 or uses[0].node.op_type != "Add" or uses[0].scope is not scope or product in scope.outputs:
        return None
    node = uses[0].node
    return node, node.input[1 - uses[0].index]


def _factor(node: NodeProto, name: str) -> float:
    return next((a.f for a in node.attribute if a.name == name), 1.0)
