"""The copy of a model that gradients are written for: functions in place, constants as initializers, opset 18 or later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import AttributeProto, NodeProto, TensorProto, helper, inliner, numpy_helper

from lightweight_cli.errors import UsageError
from lightweight_cli.gradients import raising
from lightweight_cli.gradients.emitter import Names
from lightweight_cli.model.opsets import versions_of
from lightweight_cli.model.scopes import Scopes, subgraphs_of

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

IR_VERSION = 8
"""The oldest that knows opset 18."""
LISTED = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}


def prepared(model: ModelProto) -> ModelProto:
    """Return a copy in which every constant is an initializer of the main graph, in opset 18 or later.

    Names of values stay; a constant of a branch takes its name along where nothing else has it. Large payloads are not read.
    Raises: UsageError for opsets below 7.
    """
    opset = versions_of(model.opset_import).get("", 1)
    if opset < raising.OLDEST:
        raise UsageError(f"gradients are known for models of opset {raising.OLDEST} or later, not of {opset}")
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    if copy.functions:
        copy = inliner.inline_local_functions(copy)
    scopes = Scopes(copy)
    names = Names(scopes.names())
    home = {v.name: sum(s.defines(v.name) for s in scopes.all) for g in scopes.all for v in _constants(g.graph)}
    kept = {t.name for t in copy.graph.initializer}
    inputs = [v for v in copy.graph.input if v.name not in kept]
    del copy.graph.input[:]
    copy.graph.input.extend(inputs)

    def constant(array: np.ndarray) -> str:
        name = names.new("constant")
        copy.graph.initializer.append(numpy_helper.from_array(array, name))
        return name

    fresh = raising.Fresh(constant, names.new)

    def visit(graph: GraphProto) -> None:
        nodes: list[NodeProto] = []
        found = []
        for node in graph.node:
            tensor = stored(node)
            if tensor is not None:
                found.append(tensor)
                continue
            for inner in subgraphs_of(node):
                visit(inner)
            nodes.extend(raising.raised(node, opset, fresh) if opset < raising.NEWEST else [node])
        if graph is not copy.graph:
            found.extend(graph.initializer)
            del graph.initializer[:]
        for tensor in found:
            if home.get(tensor.name, 1) > 1:
                own = names.new(tensor.name)
                nodes.insert(0, helper.make_node("Identity", [own], [tensor.name]))
                tensor.name = own
            copy.graph.initializer.append(tensor)
        whole = list(nodes)
        del graph.node[:]
        graph.node.extend(whole)
        del graph.value_info[:]

    visit(copy.graph)
    _returned(copy.graph, {t.name for t in copy.graph.initializer}, names)
    for imported in copy.opset_import:
        if imported.domain in ("", "ai.onnx"):
            imported.version = max(opset, raising.NEWEST)
    copy.ir_version = max(copy.ir_version, IR_VERSION)
    return copy


def stored(node: NodeProto) -> TensorProto | None:
    """Return the tensor of a Constant node under its output's name, None for another node or a form that is none."""
    if node.op_type != "Constant" or node.domain not in ("", "ai.onnx") or len(node.attribute) != 1:
        return None
    attribute = node.attribute[0]
    tensor = TensorProto()
    if attribute.name == "value" and attribute.type == AttributeProto.TENSOR:
        tensor.CopyFrom(attribute.t)
    elif attribute.name in LISTED:
        tensor = numpy_helper.from_array(np.array(helper.get_attribute_value(attribute), LISTED[attribute.name]))
    else:
        return None
    tensor.name = node.output[0]
    return tensor


def _constants(graph: GraphProto) -> list[TensorProto]:
    return [*graph.initializer, *(t for t in map(stored, graph.node) if t is not None)]


def _returned(graph: GraphProto, constants: set[str], names: Names) -> None:
    """Let branches return by a node what is now a constant of the main graph."""
    for node in graph.node:
        for inner in subgraphs_of(node):
            for output in inner.output:
                if output.name in constants:
                    own = names.new(output.name)
                    inner.node.append(helper.make_node("Identity", [output.name], [own]))
                    output.name = own
            _returned(inner, constants, names)
