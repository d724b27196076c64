"""What a model's outputs depend on: dead nodes, initializers, functions and imports go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from lightweight_cli.model.opsets import domain_of
from lightweight_cli.model.scopes import subgraphs, subgraphs_of

if TYPE_CHECKING:
    from onnx import FunctionProto, GraphProto, ModelProto, NodeProto

Key: TypeAlias = "tuple[str, str, str]"
"""What a node calls: domain, operator and overload."""
KNOWN = {"", "ai.onnx.ml", "com.microsoft"}
"""Domains whose operators do nothing but compute their outputs; others may act otherwise."""


def sweep_model(proto: ModelProto, removed: Counter[str]) -> None:
    """Remove what the outputs do not depend on, from graphs and functions; count it by kind."""
    sweep(proto.graph, removed, _training_names(proto))
    functions = {(domain_of(f.domain), f.name, f.overload): f for f in proto.functions}
    called: set[Key] = set()
    todo = list(_calls(proto.graph))
    for training in proto.training_info:
        todo += [*_calls(training.initialization), *_calls(training.algorithm)]
    while todo:
        key = todo.pop()
        if key in functions and key not in called:
            called.add(key)
            function = functions[key]
            sweep(function, removed)
            todo += _calls(function)
            for attribute in function.attribute_proto:
                for graph in [attribute.g, *attribute.graphs]:
                    todo += _calls(graph)
    for i in reversed(range(len(proto.functions))):
        f = proto.functions[i]
        if (domain_of(f.domain), f.name, f.overload) not in called:
            del proto.functions[i]
            removed["function"] += 1
    _sweep_imports(proto, removed)


def sweep(graph: GraphProto | FunctionProto, removed: Counter[str], pinned: Iterable[str] = ()) -> set[str]:
    """Remove the dead nodes and unused initializers of a graph and of the graphs within its nodes.

    Names in `pinned` count as used. An input keeps its initializer: it is a default that callers may override.
    Returns: the names that the graph uses, its own and those of the graphs around it.
    """
    plain = hasattr(graph, "initializer")  # a graph; a function has neither initializers nor typed outputs
    producers: dict[str, list[int]] = {}
    for i, node in enumerate(graph.node):
        for name in node.output:
            producers.setdefault(name, []).append(i)
    parameters = _annotations(graph) if plain else {}
    alive: set[int] = set()
    used: set[str] = set()
    inputs = [v.name for v in graph.input] if plain else []
    todo = [*(v.name if plain else v for v in graph.output), *pinned]
    todo += [p for i in inputs for p in parameters.get(i, ())]

    def revive(i: int) -> None:
        if i not in alive:
            alive.add(i)
            todo.extend(graph.node[i].input)
            for inner in subgraphs_of(graph.node[i]):
                todo.extend(sweep(inner, removed))

    for i, node in enumerate(graph.node):
        if not any(node.output) and domain_of(node.domain) not in KNOWN:
            revive(i)
    while todo:
        name = todo.pop()
        if name and name not in used:
            used.add(name)
            todo.extend(parameters.get(name, ()))
            for i in producers.get(name, ()):
                revive(i)
    for i in reversed(range(len(graph.node))):
        if i not in alive:
            del graph.node[i]
            removed["node"] += 1
    if plain:
        _sweep_initializers(graph, used.union(inputs), removed)
        _sweep_annotations(graph, removed)
    return used


def all_nodes(graph: GraphProto | FunctionProto) -> Iterator[NodeProto]:
    """Yield the nodes of a graph and of all graphs within it."""
    yield from graph.node
    for inner in subgraphs(graph):
        yield from all_nodes(inner)


def defined(graph: GraphProto | FunctionProto) -> set[str]:
    """Return the names that get their meaning in this graph."""
    names = {name for node in graph.node for name in node.output if name}
    if not hasattr(graph, "initializer"):
        return names.union(graph.input)
    return names.union((v.name for v in graph.input), (t.name for t in graph.initializer),
                       (s.values.name for s in graph.sparse_initializer))


def _calls(graph: GraphProto | FunctionProto) -> Iterator[Key]:
    return ((domain_of(n.domain), n.op_type, n.overload) for n in all_nodes(graph))


def _training_names(proto: ModelProto) -> set[str]:
    """Return the names that training graphs, which see the main graph's, may use."""
    names: set[str] = set()
    for training in proto.training_info:
        for graph in (training.initialization, training.algorithm):
            names |= {i for node in all_nodes(graph) for i in node.input} | {v.name for v in graph.output}
        names |= {b.key for b in (*training.initialization_binding, *training.update_binding)}
    return names


def _annotations(graph: GraphProto) -> dict[str, list[str]]:
    """Return the names that quantization annotations tie to a tensor's name."""
    return {a.tensor_name: [p.value for p in a.quant_parameter_tensor_names] for a in graph.quantization_annotation}


def _sweep_annotations(graph: GraphProto, removed: Counter[str]) -> None:
    if graph.quantization_annotation:
        names = defined(graph)
        for i in reversed(range(len(graph.quantization_annotation))):
            if graph.quantization_annotation[i].tensor_name not in names:
                del graph.quantization_annotation[i]
                removed["quantization annotation"] += 1


def _sweep_initializers(graph: GraphProto, used: set[str], removed: Counter[str]) -> None:
    for i in reversed(range(len(graph.initializer))):
        if graph.initializer[i].name not in used:
            del graph.initializer[i]
            removed["initializer"] += 1
    for i in reversed(range(len(graph.sparse_initializer))):
        if graph.sparse_initializer[i].values.name not in used:
            del graph.sparse_initializer[i]
            removed["initializer"] += 1


def _sweep_imports(proto: ModelProto, removed: Counter[str]) -> None:
    """Remove the imports of unused domains, and repeated ones; the default domain stays."""
    used = {""}
    training = [g for t in proto.training_info for g in (t.initialization, t.algorithm)]
    for owner in (proto.graph, *proto.functions, *training):
        used |= {domain_of(n.domain) for n in all_nodes(owner)}
    for function in proto.functions:
        used |= {domain_of(function.domain), *(domain_of(o.domain) for o in function.opset_import)}
    seen: list[tuple[str, int]] = []
    for i in reversed(range(len(proto.opset_import))):
        key = proto.opset_import[i].domain, proto.opset_import[i].version
        if (domain_of(key[0]) in used or len(proto.opset_import) == 1) and key not in seen:
            seen.append(key)
        else:
            del proto.opset_import[i]
            removed["opset import"] += 1
