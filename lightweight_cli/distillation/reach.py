"""Which values of a graph a tensor depends on, and which depend on the inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightweight_cli.model.scopes import subgraphs_of

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto


def reached(proto: ModelProto, name: str) -> set[str]:
    """Return the names of the main graph that lead to one of its values, that one too."""
    found = {name}
    for node in reversed(proto.graph.node):
        if found.intersection(node.output):
            found |= _read(node)
    return found


def computed(proto: ModelProto) -> list[str]:
    """Return what nodes of the main graph make of the inputs, in their order; not what they make of weights alone."""
    varying = {i.name for i in proto.graph.input}.difference(t.name for t in proto.graph.initializer)
    found: list[str] = []
    for node in proto.graph.node:
        if varying.intersection(_read(node)):
            found += filter(None, node.output)
            varying.update(node.output)
    return found


def _read(node: NodeProto) -> set[str]:
    names = set(node.input)
    for inner in subgraphs_of(node):
        names |= _within(inner)
    return names


def _within(graph: GraphProto) -> set[str]:
    return {v.name for v in graph.output}.union(*(_read(node) for node in graph.node)) if graph.node else {v.name for v in graph.output}
