"""New nodes in the place of operators, with their tensors; what nothing reads any more goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import NodeProto, helper

from lightweight_cli.model.scopes import Scope, Scopes
from lightweight_cli.weights import constants
from lightweight_cli.weights.graph_edits import all_graphs, drop_initializer, drop_unused_tables, modernise

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model

MICROSOFT = "com.microsoft"


class Edit:
    """Collects the changes to a model; `commit` makes them."""

    def __init__(self, model: Model, scopes: Scopes) -> None:
        self.model, self.scopes = model, scopes
        self.taken = scopes.names()
        self.instead: dict[int, list[NodeProto]] = {}
        """Nodes that take a node's place, by its id."""
        self.behind: dict[int, list[NodeProto]] = {}
        """Nodes right after a node; of a graph's id, first in it."""
        self.made: dict[Any, Any] = {}
        """What several layers share, by what it is: names of values."""
        self.same_place: dict[str, str] = {}
        """New values, and those right behind which they are made."""
        self.tensors: set[str] = set()
        """Those that were added, and what dequantizes them."""
        self.released: list[tuple[Scope, str]] = []

    def name(self, wish: str) -> str:
        """Return a name that no value has: the wish, or that with a number."""
        name, number = wish, 1
        while name in self.taken:
            number += 1
            name = f"{wish}.{number}"
        self.taken.add(name)
        return name

    def tensor(self, wish: str, array: np.ndarray) -> str:
        """Add an initializer to the main graph, which all graphs within see. Returns: its name."""
        tensor = self.model.proto.graph.initializer.add(
            name=self.name(wish), data_type=helper.np_dtype_to_tensor_dtype(array.dtype), dims=array.shape)
        self.tensors.add(str(tensor.name))
        self.model.attach(tensor, self.model.spool.put(np.ascontiguousarray(array).reshape(-1)))
        return str(tensor.name)

    def where_known(self, scope: Scope, value: str, *nodes: NodeProto) -> None:
        """Put nodes where a graph first knows a value: after what makes it, or first of all."""
        value = self.same_place.get(value, value)
        maker = scope.producers.get(value)
        self.behind.setdefault(id(scope.graph) if maker is None else id(maker), []).extend(nodes)

    def replace(self, scope: Scope, node: NodeProto, nodes: Sequence[NodeProto], weight: str) -> None:
        """Put nodes in the place of one that reads `weight`, which goes if nothing else does."""
        self.instead[id(node)] = list(nodes)
        if weight:
            self.release(scope, weight)

    def release(self, scope: Scope, constant: str) -> None:
        """Let a constant go if nothing else reads it."""
        self.released.append((scope, constant))

    def first(self, *nodes: NodeProto) -> None:
        """Put nodes first in the main graph."""
        self.behind.setdefault(id(self.scopes.main.graph), []).extend(nodes)

    def commit(self) -> None:
        """Make the changes."""
        modernise(self.model, self.scopes.main)
        chains = [constants.chain(scope, name) for scope, name in self.released]
        uses_ms = False
        for graph in _inner_first(self.scopes):
            nodes = list(self.behind.get(id(graph), ()))
            for node in graph.node:
                nodes += self.instead.get(id(node), (node,))
                nodes += self.behind.get(id(node), ())
            if len(nodes) != len(graph.node) or any(a is not b for a, b in zip(nodes, graph.node, strict=True)):
                uses_ms = uses_ms or any(n.domain == MICROSOFT for n in nodes)
                kept = [copy_of(n) for n in nodes]
                del graph.node[:]
                graph.node.extend(kept)
        if uses_ms and all(o.domain != MICROSOFT for o in self.model.proto.opset_import):
            self.model.proto.opset_import.add(domain=MICROSOFT, version=1)
        self._sweep(chains)

    def _sweep(self, chains: Sequence[Sequence[tuple[Scope, str]]]) -> None:
        """Take out the constants of the chains that nothing reads any more, users before what they use."""
        proto = self.model.proto
        used = Counter(i for graph in all_graphs(proto.graph) for node in graph.node for i in node.input)
        used.update(v.name for graph in all_graphs(proto.graph) for v in (*graph.input, *graph.output))
        gone = set()
        for home, name in (step for chain in chains for step in chain):
            if used[name] or name in gone or home.is_function:
                continue
            gone.add(name)
            drop_initializer(home.graph, name)
            for node in [n for n in home.graph.node if list(n.output) == [name]]:
                used.subtract(node.input)
                home.graph.node.remove(node)
        made = {o for graph in all_graphs(proto.graph) for node in graph.node for o in node.output}
        for graph in all_graphs(proto.graph):
            stored = {t.name for t in graph.initializer}
            for i in reversed(range(len(graph.value_info))):
                if graph.value_info[i].name not in made | stored:
                    del graph.value_info[i]
        drop_unused_tables(proto)


def copy_of(node: NodeProto) -> NodeProto:
    """Return a copy of a node, which outlives the graph it came from."""
    copy = NodeProto()
    copy.CopyFrom(node)
    return copy


def _inner_first(scopes: Scopes) -> list[Any]:
    """Return all graphs, inner ones first: nodes are copied with the graphs in them."""
    return [s.graph for s in reversed(scopes.all) if not s.is_function]
