"""Edits of a graph that go with replacing weights: initializers and tables that go, and the oldest files' listed constants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lightweight_cli.model.scopes import Scope, subgraphs
from lightweight_cli.weights.naming import is_inner, is_shared

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

    from lightweight_cli.model.model import Model


def drop_initializer(graph: GraphProto, name: str) -> None:
    """Remove an initializer by name, and those it was given before: onnxruntime takes the last of one name."""
    for i in reversed([i for i, tensor in enumerate(graph.initializer) if tensor.name == name]):
        del graph.initializer[i]


def drop_unused_tables(proto: ModelProto) -> None:
    """Remove the shared decoding tables, and what decoded several weights together, that no node reads any more."""
    used = Counter(i for graph in all_graphs(proto.graph) for node in graph.node for i in node.input)
    used.update(v.name for graph in all_graphs(proto.graph) for v in (*graph.input, *graph.output))
    kept = []
    for node in reversed(proto.graph.node):
        if node.output and all(not used[o] and is_own(o) for o in node.output):
            used.subtract(node.input)
        else:
            kept.append(node)
    if len(kept) < len(proto.graph.node):
        del proto.graph.node[:]
        proto.graph.node.extend(reversed(kept))
    tables = [t.name for t in proto.graph.initializer if not used[t.name] and is_own(t.name)]
    for name in tables:
        drop_initializer(proto.graph, name)


def is_own(name: str) -> bool:
    """Whether an encoding gave this name."""
    return is_shared(name) or is_inner(name)


def all_graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """Yield the graph and all graphs within it."""
    yield graph
    for inner in subgraphs(graph):
        yield from all_graphs(inner)


def modernise(model: Model, main: Scope) -> None:
    """Raise IR 3 to IR 4, where initializers need not be inputs; onnxruntime reports the same inputs."""
    proto = model.proto
    if proto.ir_version < 4:
        for i in reversed(range(len(proto.graph.input))):
            if proto.graph.input[i].name in main.initializers:
                del proto.graph.input[i]
        proto.ir_version = 4
