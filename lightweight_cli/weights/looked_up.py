"""Tables that one Gather reads by indices that vary, as embeddings are: what may be decoded by rows, if they are large."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lightweight_cli.weights import constant_values, constants

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model
    from lightweight_cli.model.scopes import Scope

LEAST = 1 << 18
"""Bytes of a decoded table from which it is decoded by rows: what that saves at load is some hundred times the nodes it adds."""
SAME_RANK = {"Cast", "Identity", "Slice", "Clip", "Abs", "Neg", "CumSum"}
"""Operators whose output has the rank of their first input."""


def index_of(main: Scope, name: str) -> str | None:
    """Return the indices by which a Gather of the main graph reads `name` along the first axis, if nothing else reads it."""
    uses = main.uses.get(name, ())
    if len(uses) != 1 or name in main.outputs or name in main.inputs:
        return None
    scope, node, index = uses[0]
    gathers = node.op_type == "Gather" and node.domain in ("", "ai.onnx") and not constants.attributes(node).get("axis")
    if scope is not main or index or not gathers or constants.is_constant(main, node.input[1]):
        return None
    return node.input[1]


def is_large(model: Model, main: Scope, name: str) -> bool:
    """Whether a table, decoded, takes so much memory that it should not be."""
    shape, dtype = constant_values.shape_of(model, main, name)
    return math.prod(shape) * dtype.itemsize >= LEAST


def rank_of(main: Scope, name: str, ranks: Mapping[str, int]) -> int | None:
    """Return the rank of a value as far as the graph tells."""
    known = dict(ranks)
    for info in (*main.graph.value_info, *main.graph.input):
        if info.type.tensor_type.HasField("shape"):
            known[info.name] = len(info.type.tensor_type.shape.dim)
    while name not in known:
        node = main.producers.get(name)
        if node is None or node.op_type not in SAME_RANK or node.domain not in ("", "ai.onnx"):
            return None
        name = node.input[0]
    return known[name]
