"""Graphs within graphs: which scope defines a name, and who uses it.

A scope is the main graph, a subgraph (a branch of If, a body of Loop or Scan), or a function's body. A subgraph sees the
names of the graphs around it; a function sees only its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from lightweight_cli.model.opsets import versions_of

if TYPE_CHECKING:
    import numpy as np
    from onnx import FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto


class Use(NamedTuple):
    """An input of a node: `node.input[index]` in `scope`."""

    scope: Scope
    node: NodeProto
    index: int  # type: ignore[assignment]  # tuple.index is not used


class Scope:
    """One graph or function body, with what its names mean."""

    def __init__(self, graph: GraphProto | FunctionProto, parent: Scope | None, opset: int, is_function: bool) -> None:
        self.graph, self.parent, self.opset, self.is_function = graph, parent, opset, is_function
        self.number = 0
        """Its place among all scopes of the model, the same in every copy; 0 is the main graph."""
        self.initializers: dict[str, TensorProto] = {}
        self.producers: dict[str, NodeProto] = {}
        self.inputs: set[str] = set()
        self.outputs: set[str] = set()
        self.uses: dict[str, list[Use]] = {}
        self.decoded: dict[str, np.ndarray] = {}
        """Some of the constants that nodes compute for several weights together."""
        if is_function:
            self.inputs, self.outputs = set(graph.input), set(graph.output)
        else:
            self.initializers = {t.name: t for t in graph.initializer}
            self.inputs = {v.name for v in graph.input}
            self.outputs = {v.name for v in graph.output}
        for node in graph.node:
            for name in node.output:
                if name:
                    self.producers[name] = node

    def defines(self, name: str) -> bool:
        """Whether the name gets its meaning in this scope."""
        return name in self.producers or name in self.initializers or name in self.inputs or (
            not self.is_function and any(s.values.name == name for s in self.graph.sparse_initializer))

    def resolve(self, name: str) -> Scope | None:
        """Return the scope that defines `name` as seen from here."""
        scope: Scope | None = self
        while scope is not None and not scope.defines(name):
            scope = scope.parent
        return scope

    def outer(self, name: str) -> Scope | None:
        """Return the scope around this one that defines `name` too: ONNX forbids that, and runtimes differ in which they take."""
        return self.parent.resolve(name) if self.parent is not None and self.defines(name) else None


class Scopes:
    """All scopes of a model, outer before inner; the uses of each name are kept where it is defined."""

    def __init__(self, proto: ModelProto) -> None:
        main = versions_of(proto.opset_import).get("", 1)
        self.all: list[Scope] = []
        self.main = self._add(proto.graph, None, main, False)
        if proto.ir_version < 4:  # every initializer had to be listed as an input, and is a constant all the same
            self.main.inputs -= self.main.initializers.keys()
        self.functions: dict[tuple[str, str], Scope] = {}
        for function in proto.functions:
            scope = self._add(function, None, versions_of(function.opset_import).get("", main), True)
            self.functions[function.domain, function.name] = scope
        for scope in self.all:
            for node in scope.graph.node:
                for index, name in enumerate(node.input):
                    home = scope.resolve(name) if name else None
                    if home is not None:
                        home.uses.setdefault(name, []).append(Use(scope, node, index))
            for name in scope.outputs:
                home = scope.resolve(name)
                if home is not None and home is not scope:  # a subgraph returns an outer value as it is
                    home.outputs.add(name)

    def _add(self, graph: GraphProto | FunctionProto, parent: Scope | None, opset: int, is_function: bool) -> Scope:
        scope = Scope(graph, parent, opset, is_function)
        scope.number = len(self.all)
        self.all.append(scope)
        for inner in subgraphs(graph):
            self._add(inner, scope, opset, False)
        return scope

    def hidden(self) -> set[tuple[int, str]]:
        """Return the names, each with its scope's id, that a graph within defines anew."""
        found = set()
        for scope in self.all:
            for name in (*scope.initializers, *scope.producers, *scope.inputs):
                outer = scope.outer(name)
                while outer is not None:
                    found.add((id(outer), name))
                    outer = outer.outer(name)
        return found

    def names(self) -> set[str]:
        """Return every value name in the model."""
        found: set[str] = set()
        for scope in self.all:
            found |= scope.inputs | scope.outputs | scope.initializers.keys() | scope.producers.keys() | scope.uses.keys()
        return found


def subgraphs(graph: GraphProto | FunctionProto) -> Iterator[GraphProto]:
    """Yield the subgraphs directly in the graph's nodes."""
    for node in graph.node:
        yield from subgraphs_of(node)


def subgraphs_of(node: NodeProto) -> Iterator[GraphProto]:
    """Yield the graphs in a node's attributes."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs
