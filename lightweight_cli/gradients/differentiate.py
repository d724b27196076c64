"""From a model with a loss to one that also gives the loss's gradients by its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper

from lightweight_cli.errors import UsageError, printable
from lightweight_cli.gradients.emitter import Emitter, Names
from lightweight_cli.gradients.facts import facts_of
from lightweight_cli.gradients.prepare import prepared
from lightweight_cli.gradients.walk import Uncovered, Walk, read_by, used
from lightweight_cli.model.opsets import versions_of
from lightweight_cli.model.scopes import Scopes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnx import ModelProto, NodeProto

NARROW = (TensorProto.FLOAT16, TensorProto.BFLOAT16)


def gradient_name(name: str) -> str:
    """Return the name of the output that is the gradient by `name`."""
    return f"gradient({name})"


def uncovered(model: ModelProto, loss: str, wrt: Sequence[str]) -> list[Uncovered]:
    """Return the nodes between the weights and the loss that can't be differentiated. Nothing is run."""
    return _written(model, loss, wrt)[1]


def differentiate(model: ModelProto, loss: str, wrt: Sequence[str]) -> ModelProto:
    """Return the model with each weight of `wrt` as an input, and with its gradient as an output.

    `loss`: a value of the main graph with one element; `wrt`: float constants of the main graph. Weights are inputs of float32,
    those of float16 too (float64 stays), with their static shapes. Outputs: the loss, what was an output already, and a
    `gradient_name` for each of `wrt`: zeros where the loss does not depend on it. Payloads stay where they are.

    Raises: UsageError that names the first node that can't be differentiated.
    """
    result, missing = _written(model, loss, wrt)
    if missing:
        more = f" (and {len(missing) - 1} more nodes)" if len(missing) > 1 else ""
        raise UsageError(f"no gradient through {missing[0]}{more}")
    return result


def _written(model: ModelProto, loss: str, wrt: Sequence[str]) -> tuple[ModelProto, list[Uncovered]]:
    copy = prepared(model)
    graph = copy.graph
    weights = {t.name: t for t in graph.initializer}
    for name in wrt:
        if name not in weights or weights[name].data_type not in (TensorProto.FLOAT, TensorProto.DOUBLE, *NARROW):
            raise UsageError(f"{printable(name)} is no float constant of the main graph: there is no gradient by it")
    _as_inputs(copy, [weights[name] for name in wrt])
    facts = facts_of(copy)
    emitter = Emitter(facts, Names(Scopes(copy).names()), {})
    walk = Walk(versions_of(copy.opset_import).get("", 1))
    end = emitter.value(loss)
    one = emitter.constant(np.ones(facts.static(loss) or (), helper.tensor_dtype_to_np_dtype(end.type)))
    found = walk.back(list(graph.node), emitter, {loss: one}, set(wrt))
    for name in wrt:
        gradient = found.get(name)
        if gradient is None:
            gradient = emitter.zeros(emitter.value(name), facts.type(name))
        emitter.nodes.append(helper.make_node("Identity", [gradient.name], [gradient_name(name)]))
    _put_together(copy, emitter, loss, wrt)
    return copy, walk.uncovered


def _as_inputs(model: ModelProto, tensors: list[TensorProto]) -> None:
    """Turn initializers into inputs; those of 16 bits are read in float32 and rounded for the nodes that use them."""
    graph, gone = model.graph, {t.name for t in tensors}
    narrow: dict[str, str] = {}
    names = Names(Scopes(model).names())
    casts: list[NodeProto] = []
    for tensor in tensors:
        wide = tensor.data_type
        if wide in NARROW:
            wide = TensorProto.FLOAT
            narrow[tensor.name] = names.new(tensor.name)
            casts.append(helper.make_node("Cast", [tensor.name], [narrow[tensor.name]], to=tensor.data_type))
        graph.input.append(helper.make_tensor_value_info(tensor.name, wide, tensor.dims))
    kept = [t for t in graph.initializer if t.name not in gone]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    if casts:
        _renamed(graph, narrow)
        nodes = [*casts, *graph.node]
        del graph.node[:]
        graph.node.extend(nodes)


def _renamed(graph: onnx.GraphProto, names: dict[str, str]) -> None:
    for node in graph.node:
        for k, name in enumerate(node.input):
            node.input[k] = names.get(name, name)
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _renamed(attribute.g, names)


def _put_together(model: ModelProto, emitter: Emitter, loss: str, wrt: Sequence[str]) -> None:
    graph, facts = model.graph, emitter.facts
    graph.node.extend(used(emitter.nodes, {gradient_name(n) for n in wrt} | {n for node in graph.node for n in node.input}))
    read = {name for node in graph.node for name in read_by(node)}
    graph.initializer.extend(t for t in emitter.constants.values() if t.name in read)
    outputs = [v for v in graph.output if v.name != loss]
    first = [v for v in graph.output if v.name == loss] or [helper.make_tensor_value_info(loss, facts.type(loss), facts.shape(loss))]
    del graph.output[:]
    graph.output.extend([*first, *outputs])
    for name in wrt:
        graph.output.append(helper.make_tensor_value_info(gradient_name(name), facts.type(name), facts.shape(name)))
