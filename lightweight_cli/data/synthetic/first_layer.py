"""The Conv that reads an input, and what comes before it: what they were trained on tells the range of the input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.data.synthetic.normalizing import normalized
from lightweight_cli.data.synthetic.ranges import FirstLayer
from lightweight_cli.errors import LwcError
from lightweight_cli.model.load import load
from lightweight_cli.model.scopes import Scope, Scopes
from lightweight_cli.weights.constant_values import evaluate
from lightweight_cli.weights.not_constant import NotConstant

if TYPE_CHECKING:
    from onnx import NodeProto

    from lightweight_cli.model.model import Model

CONVS = ("Conv", "FusedConv")
MOST = 1 << 20
"""Elements of a first layer's weight; a larger one is not looked at."""


def first_layer(path: str, name: str) -> FirstLayer | None:
    """Return what reads input `name` of the model at `path`; None where that is no Conv, and nothing normalizes it."""
    try:
        model = load(path)
        scope = Scopes(model.proto).all[0]
        name, before = normalized(model, scope, name)
        node = next((u.node for u in scope.uses.get(name, []) if u.node.op_type in CONVS and u.index == 0 and u.scope is scope), None)
        layer = _read(model, scope, node) if node is not None else None
        if before is not None:
            return FirstLayer(np.empty(0) if layer is None else layer.weight, None, None, before)
        return layer
    except (LwcError, NotConstant, OSError, ValueError, IndexError):  # it only helps: the model is judged elsewhere
        return None


def _read(model: Model, scope: Scope, node: NodeProto) -> FirstLayer | None:
    weight = _values(model, scope, node.input[1])
    if weight is None or weight.ndim != 4:
        return None
    bias = _values(model, scope, node.input[2]) if len(node.input) > 2 and node.input[2] else None
    behind = [u.node for u in scope.uses.get(node.output[0], [])]
    gamma = None
    if len(behind) == 1 and behind[0].op_type == "BatchNormalization":
        gamma = _values(model, scope, behind[0].input[1])
    return FirstLayer(weight, bias, gamma)


def _values(model: Model, scope: Scope, name: str) -> np.ndarray | None:
    found = evaluate(model, scope, name)
    return found.astype(np.float32) if 0 < found.size <= MOST and np.isfinite(found).all() else None
