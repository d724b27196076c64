"""The copy of a model that gradients are written for: functions in place, weights as initializers, opset 18 or later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, inliner, numpy_helper

from lightweight_cli.errors import UsageError
from lightweight_cli.gradients import raising
from lightweight_cli.gradients.constants import stored
from lightweight_cli.gradients.emitter import Names
from lightweight_cli.model.opsets import versions_of
from lightweight_cli.model.scopes import Scopes, subgraphs_of
from lightweight_cli.model.tensors import FLOATS

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

IR_VERSION = 8
"""The oldest that knows opset 18."""


def prepared(model: ModelProto) -> ModelProto:
    """Return a copy in which every weight is an initializer of the main graph, in opset 18 or later.

    Names of values stay; a weight of a branch takes its name along where nothing else has it. Large payloads are not read.
    Raises: UsageError for opsets below 7.
    """
    opset = versions_of(model.opset_import).get("", 1)
    if opset < raising.OLDEST:
        raise UsageError(f"gradients are known for models of opset {raising.OLDEST} or later, not of {opset}")
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    if copy.functions:
        copy = inliner.inline_local_functions(copy)
    kept = {t.name for t in copy.graph.initializer}
    inputs = [v for v in copy.graph.input if v.name not in kept]
    del copy.graph.input[:]
    copy.graph.input.extend(inputs)
    preparation = _Preparation(copy, opset)
    preparation.visit(copy.graph)
    preparation.returned(copy.graph)
    for imported in copy.opset_import:
        if imported.domain in ("", "ai.onnx"):
            imported.version = max(opset, raising.NEWEST)
    copy.ir_version = max(copy.ir_version, IR_VERSION)
    return copy


class _Preparation:
    """One copy on its way."""

    def __init__(self, model: ModelProto, opset: int) -> None:
        self.main, self.opset = model.graph, opset
        scopes = Scopes(model)
        self.names = Names(scopes.names())
        self.homes: dict[str, int] = {}
        for scope in scopes.all:
            for name in (*scope.producers, *scope.initializers, *scope.inputs - scope.initializers.keys()):
                self.homes[name] = self.homes.get(name, 0) + 1
        self.lifted: set[str] = set()

    def visit(self, graph: GraphProto) -> None:
        """Raise the nodes of a graph and of those within, and take the weights out."""
        nodes: list[NodeProto] = []

        def constant(array: np.ndarray) -> str:
            tensor = numpy_helper.from_array(array, self.names.new("constant"))
            if graph is self.main:
                graph.initializer.append(tensor)
            else:  # shapes are inferred in a branch from constants that it has itself
                nodes.append(helper.make_node("Constant", [], [tensor.name], value=tensor))
            return tensor.name

        fresh = raising.Fresh(constant, self.names.new)
        for tensor in list(graph.initializer) if graph is not self.main else ():
            if self.lift(graph, tensor, nodes):
                graph.initializer.remove(tensor)
        for node in list(graph.node):
            held = stored(node)
            if held is not None and self.lift(graph, held, nodes):
                continue
            for inner in subgraphs_of(node):
                self.visit(inner)
            nodes.extend(raising.raised(node, self.opset, fresh) if self.opset < raising.NEWEST else [node])
        del graph.node[:]
        graph.node.extend(nodes)
        del graph.value_info[:]

    def lift(self, graph: GraphProto, tensor: TensorProto, nodes: list[NodeProto]) -> bool:
        """Make a constant an initializer of the main graph. Returns: whether it is one to be taken there."""
        if graph is not self.main and (tensor.data_type not in FLOATS or not tensor.dims):
            return False
        moved = self.main.initializer.add()
        moved.CopyFrom(tensor)
        if self.homes.get(tensor.name, 1) > 1:
            moved.name = self.names.new(tensor.name)
            nodes.append(helper.make_node("Identity", [moved.name], [tensor.name]))
        elif graph is not self.main:
            self.lifted.add(moved.name)
        return True

    def returned(self, graph: GraphProto) -> None:
        """Let branches return by a node what is now a constant of the main graph."""
        for node in graph.node:
            for inner in subgraphs_of(node):
                for output in inner.output:
                    if output.name in self.lifted:
                        own = self.names.new(output.name)
                        inner.node.append(helper.make_node("Identity", [output.name], [own]))
                        output.name = own
                self.returned(inner)
