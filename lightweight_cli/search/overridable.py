"""A copy of a model whose weights a caller may feed: one session then tries any values of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from onnx import helper

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model
    from lightweight_cli.weights.weight import Weight

OVERRIDABLE = 4
"""The IR version from which on an initializer that is an input too is a default."""


def make_overridable(model: Model, weights: Sequence[Weight]) -> None:
    """Make weights of the main graph inputs with a default, in place; those that nodes compute become stored first."""
    graph = model.proto.graph
    known = {v.name for v in graph.input}
    made = {}
    for weight in weights:
        if weight.name in weight.scope.producers:
            values = weight.read(0, weight.size)
            tensor = graph.initializer.add(name=weight.name, data_type=weight.dtype, dims=weight.shape)
            model.attach(tensor, model.spool.put(values))
            made[weight.name] = tensor
        if weight.name not in known:
            graph.input.append(helper.make_tensor_value_info(weight.name, weight.dtype, weight.shape))
    nodes = [n for n in graph.node if not any(o in made for o in n.output)]
    del graph.node[:]
    graph.node.extend(nodes)
    model.proto.ir_version = max(OVERRIDABLE, model.proto.ir_version)
