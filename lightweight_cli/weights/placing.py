"""Putting an emission into a model: its tensors, the tables that it shares, its nodes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from onnx import AttributeProto, NodeProto, helper

from lightweight_cli.weights.naming import PLACE, nth

if TYPE_CHECKING:
    from onnx import FunctionProto, GraphProto

    from lightweight_cli.model.model import Model
    from lightweight_cli.model.scopes import Scope
    from lightweight_cli.weights.emission import Emission


def place(model: Model, scope: Scope, main: Scope, emission: Emission, unused: Iterator[str]) -> list[NodeProto]:
    """Put an emission's tensors and tables into the model; return the nodes that go to the head of the scope's graph.

    What is private takes names from `unused`. Tables go to the end of the main graph: `put_first` moves them.
    """
    give_names(emission, unused)
    nodes: list[NodeProto] = []
    for stored in emission.stored:
        if scope.is_function:
            node = helper.make_node("Constant", [], [stored.proto.name])
            attribute = node.attribute.add(name="value", type=AttributeProto.TENSOR)
            attribute.t.CopyFrom(stored.proto)
            if stored.produce is not None:
                model.attach(attribute.t, stored.produce)
            nodes.append(node)
            continue
        home = main if stored.shared else scope
        if stored.shared and stored.proto.name in home.initializers:
            continue
        target = home.graph.initializer.add()
        target.CopyFrom(stored.proto)
        if stored.produce is not None:
            model.attach(target, stored.produce)
        home.initializers[stored.proto.name] = target
    for table in emission.tables:
        if table.output[0] not in main.producers:
            main.producers[table.output[0]] = table.message()
            main.graph.node.append(main.producers[table.output[0]])
    return nodes + [n.message() for n in emission.nodes]


def give_names(emission: Emission, unused: Iterator[str]) -> None:
    """Replace the names that stand for those of a model."""
    names = {nth(PLACE, i): next(unused) for i in range(emission.named)}
    for stored in emission.stored:
        stored.proto.name = names.get(stored.proto.name, stored.proto.name)
    for node in emission.nodes:
        for listed in (node.input, node.output):
            for i, name in enumerate(listed):
                if name in names:
                    listed[i] = names[name]


def put_first(graph: GraphProto | FunctionProto, tables: Collection[str], nodes: Sequence[NodeProto], gone: Collection[str] = ()) -> None:
    """Put shared tables and then `nodes` before all other nodes of a graph, without those that give a name of `gone`."""
    rest = [n for n in graph.node if not any(o in gone for o in n.output) or any(o and o not in gone for o in n.output)]
    first = [n for n in rest if n.output and n.output[0] in tables]
    rest = [n for n in rest if not n.output or n.output[0] not in tables]
    ordered = [*first, *nodes, *rest]
    del graph.node[:]
    graph.node.extend(ordered)
