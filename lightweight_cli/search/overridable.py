"""A copy of a model whose weights a caller may feed: one session then tries any values of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from onnx import helper

from lightweight_cli.model.scopes import Scopes

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model
    from lightweight_cli.weights.weight import Weight

OVERRIDABLE = 4
"""The IR version from which on an initializer that is an input too is a default."""
LIFTED = "lwc.search."
"""How the names begin in the main graph that weights get which are in a graph within."""


def key_of(weight: Weight) -> str:
    """Return what tells a weight or a bias apart from all others: its name, in a graph within after the graph's number."""
    return f"{weight.scope.number}/{weight.name}" if weight.scope.number else weight.name


def is_overridable(weight: Weight) -> bool:
    """Whether a weight can be fed: anywhere but in a function, or where a graph within gives it to the one around it."""
    return not weight.scope.number or not (weight.scope.is_function or weight.name in weight.scope.outputs)


def make_overridable(model: Model, weights: Sequence[Weight]) -> dict[str, str]:
    """Make weights inputs of the main graph with a default, in place; those that nodes compute become stored first.

    Those in branches and bodies move to the main graph, which they see. Returns: the input of each weight, by its key.
    """
    graph, inputs, names = model.proto.graph, {}, Scopes(model.proto).names()
    known = {v.name for v in graph.input}
    for number, weight in enumerate(weights):
        scope = weight.scope
        name = weight.name if not scope.number else next(n for i in range(len(names) + 1) if (n := f"{LIFTED}{number}.{i}") not in names)
        if scope.number or weight.name in scope.producers:
            values = weight.read(0, weight.size)
            weight.forget()
            tensor = graph.initializer.add(name=name, data_type=weight.dtype, dims=weight.shape)
            model.attach(tensor, model.spool.put(values))
            for use in scope.uses.get(weight.name, ()):
                use.node.input[use.index] = name
            producer = scope.producers.get(weight.name)
            if producer is not None:
                scope.graph.node.remove(producer)
            elif scope.number:
                scope.graph.initializer.remove(scope.initializers[weight.name])
        if name not in known:
            graph.input.append(helper.make_tensor_value_info(name, weight.dtype, weight.shape))
        inputs[key_of(weight)] = name
    model.proto.ir_version = max(OVERRIDABLE, model.proto.ir_version)
    return inputs
