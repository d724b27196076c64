"""Which values of a model may be trained: float32 weights of its main graph, and the vectors beside them.

The vectors are biases, what normalisation scales and shifts by, and slopes: constants of one axis that are no weights to other passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto

from lightweight_cli.model import tensors
from lightweight_cli.weights import constants
from lightweight_cli.weights.search import AMBIGUOUS, OVERRIDABLE
from lightweight_cli.weights.weight import Role, Weight

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model
    from lightweight_cli.model.scopes import Scope, Scopes

BESIDE = {("Conv", 2), ("ConvTranspose", 2), ("Gemm", 2), ("BatchNormalization", 1), ("BatchNormalization", 2), ("LayerNormalization", 1),
          ("LayerNormalization", 2), ("InstanceNormalization", 1), ("InstanceNormalization", 2), ("GroupNormalization", 1),
          ("GroupNormalization", 2), ("PRelu", 1), ("LSTM", 3), ("GRU", 3)}
"""Operators, and which of their inputs are vectors that go with the weights."""
EITHER = {"Add", "Mul"}
"""Operators of which either input may be such a vector: a bias of MatMul, the scale of a decomposed normalisation."""
LOOKED_UP = {"Gather", "GatherElements", "EmbedLayerNormalization"}
LARGEST = 1e4
"""A vector with a larger value is a mask, which adds minus infinity to what must not count."""


def trainable(model: Model, scopes: Scopes, weights: Sequence[Weight]) -> list[Weight]:
    """Lock the weights that can't be trained, with the reason. Returns: the vectors beside them, locked likewise."""
    taken = {name for w in weights for home, name in constants.chain(w.scope, w.name) if home is scopes.main}
    vectors = _vectors(model, scopes, taken)
    for weight in (*weights, *vectors):
        weight.locked = weight.locked or unfit(weight, scopes.main)
    return vectors


def unfit(weight: Weight, main: Scope) -> str:
    """Return why a weight can't be trained, or nothing."""
    if weight.scope is not main:
        return "is in a function" if weight.scope.is_function else "is in a graph within"
    if any(r.scope is not main and not r.scope.is_function for r in weight.roles):
        return "is read in a graph within"
    if weight.dtype != TensorProto.FLOAT:
        return f"is {tensors.type_name(weight.dtype)}: float32 is trained"
    if not weight.size:
        return "is empty"
    if all(r.op in LOOKED_UP for r in weight.roles):
        return "is looked up: what the data do not name would not learn"
    node = main.producers.get(weight.name)
    if node is not None and node.op_type == "Constant" and node.attribute[0].name != "value":
        return "is listed in a Constant node"
    return "" if all(np.isfinite(part).all() for part in weight.chunks()) else "weights are not finite"


def _vectors(model: Model, scopes: Scopes, taken: set[str]) -> list[Weight]:
    main, hidden = scopes.main, scopes.hidden()
    found: dict[str, Weight] = {}
    for node in main.graph.node:
        if node.domain not in ("", "ai.onnx") or (node.output and constants.is_constant(main, node.output[0])):
            continue
        for index, name in enumerate(node.input):
            if not name or name in taken or not ((node.op_type, index) in BESIDE or node.op_type in EITHER):
                continue
            tensor = constants.leaf(main, name) if main.resolve(name) is main else None
            if tensor is None or tensor.data_type not in tensors.FLOATS:
                continue
            vector = found.get(name)
            if vector is None:
                vector = Weight(model, main, name, tuple(tensor.dims), tensor.data_type, tensor)
                if not _is_one_axis(vector):
                    continue
                vector.locked = _locked(main, hidden, name)
                found[name] = vector
            vector.roles.append(Role(main, node, index, ()))
    return list(found.values())


def _is_one_axis(vector: Weight) -> bool:
    wide = [d for d in vector.shape if d != 1]
    return len(wide) == 1 and all((abs(p) <= LARGEST).all() for p in vector.chunks())


def _locked(main: Scope, hidden: set[tuple[int, str]], name: str) -> str:
    if name in main.outputs:
        return "is an output of the graph"
    if name in main.inputs:
        return OVERRIDABLE
    return AMBIGUOUS if (id(main), name) in hidden else ""
