"""The Conv that reads an input, with its values: what it was trained on tells the range of the input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.data.synthetic.ranges import FirstLayer
from lightweight_cli.errors import LwcError
from lightweight_cli.model.load import load
from lightweight_cli.model.scopes import Scope, Scopes
from lightweight_cli.weights.constant_values import evaluate
from lightweight_cli.weights.constants import NotConstant

if TYPE_CHECKING:
    from onnx import NodeProto

    from lightweight_cli.model.model import Model

PASSED = {"Transpose", "Identity", "Cast", "Pad"}
"""Operators between an input and its first layer that keep the values."""
MOST = 1 << 20
"""Elements of a first layer's weight; a larger one is not looked at."""


def first_layer(path: str, name: str) -> FirstLayer | None:
    """Return the Conv that reads input `name` of the model at `path`; None where there is none, or something stands between."""
    try:
        model = load(path)
        scope = Scopes(model.proto).all[0]
        node = _conv(scope, name)
        return _read(model, scope, node) if node is not None else None
    except (LwcError, NotConstant, OSError, ValueError, IndexError):  # it only helps: the model is judged elsewhere
        return None


def _conv(scope: Scope, name: str) -> NodeProto | None:
    for _ in range(8):
        uses = scope.uses.get(name, [])
        convs = [u.node for u in uses if u.node.op_type in ("Conv", "FusedConv") and u.index == 0 and u.scope is scope]
        if convs:
            return convs[0]
        passed = [u.node for u in uses if u.node.op_type in PASSED and u.index == 0 and u.scope is scope]
        if not passed:
            return None
        name = passed[0].output[0]
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
