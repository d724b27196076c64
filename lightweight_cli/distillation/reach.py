"""Which values of a graph a tensor depends on."""

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


def _read(node: NodeProto) -> set[str]:
    names = set(node.input)
    for inner in subgraphs_of(node):
        names |= _within(inner)
    return names


def _within(graph: GraphProto) -> set[str]:
    return {v.name for v in graph.output}.union(*(_read(node) for node in graph.node)) if graph.node else {v.name for v in graph.output}
