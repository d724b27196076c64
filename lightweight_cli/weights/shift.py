"""Moving the outputs of a weight by a number each: in its bias, or in what stands for one.

    Conv, Gemm, MatMul           the bias: see `bias`
    Conv, then an Add            its other operand, one number a channel
    Conv, then normalized        the mean that BatchNormalization takes away
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from onnx import TensorProto

from lightweight_cli.model import tensors
from lightweight_cli.weights import constants
from lightweight_cli.weights.bias import bias_of

if TYPE_CHECKING:
    from lightweight_cli.model.scopes import Scope
    from lightweight_cli.weights.weight import Weight

MEAN = 3
"""The input of BatchNormalization that is taken away."""


class Carrier(NamedTuple):
    """The constant that is moved."""

    name: str
    tensor: TensorProto
    sign: int
    """-1: it is taken away."""


def carrier_of(weight: Weight) -> Carrier | None:
    """Return what the outputs of a weight are moved by; None: nothing that is its own."""
    role, bias = weight.roles[0], bias_of(weight)
    if bias is not None:
        return _stored(role.scope, bias.name, 1)
    if role.op != "Conv" or role.index != 1 or role.path or len(weight.roles) > 1 or role.scope is not weight.scope:
        return None
    if len(role.node.input) > 2 and role.node.input[2]:
        return None
    product = role.node.output[0]
    behind = role.scope.uses.get(product, [])
    if len(behind) != 1 or behind[0].scope is not role.scope or product in role.scope.outputs:
        return None
    node, index, shape = behind[0].node, behind[0].index, (weight.shape[0], *[1] * (len(weight.shape) - 2))
    if node.op_type == "BatchNormalization" and index == 0 and len(node.output) == 1:
        return _stored(role.scope, node.input[MEAN], -1, shape[:1])
    return _stored(role.scope, node.input[1 - index], 1, shape) if node.op_type == "Add" else None


def _stored(scope: Scope, name: str, sign: int, shape: tuple[int, ...] | None = None) -> Carrier | None:
    """Return a tensor of this shape, or with ones in front, that is stored as it is, and no one else's."""
    tensor, node = constants.leaf(scope, name), scope.producers.get(name)
    if tensor is None or tensor.data_type not in tensors.FLOATS or len(scope.uses.get(name, ())) != 1:
        return None
    if name in scope.inputs or name in scope.outputs or (node is not None and node.attribute[0].name != "value"):
        return None
    ones = 0 if shape is None else len(tensor.dims) - len(shape)
    fits = shape is None or (ones >= 0 and tuple(tensor.dims[ones:]) == shape and all(d == 1 for d in tensor.dims[:ones]))
    return Carrier(name, tensor, sign) if fits else None


def moved(weight: Weight, by: np.ndarray) -> dict[str, np.ndarray]:
    """Return the new values, by the name of the constant, that add `by` to a weight's outputs; nothing where nothing carries it."""
    carrier = carrier_of(weight)
    if carrier is None:
        return {}
    old = weight.model.array(carrier.tensor)
    return {carrier.name: np.asarray(old.astype(np.float64) + carrier.sign * by.reshape(old.shape), old.dtype)}


def move(weight: Weight, by: np.ndarray) -> None:
    """Add `by` to what a weight's outputs are, in its model; nothing happens where nothing carries it."""
    carrier = carrier_of(weight)
    if carrier is not None:
        weight.model.attach(carrier.tensor, weight.model.spool.put(np.ascontiguousarray(moved(weight, by)[carrier.name])))
