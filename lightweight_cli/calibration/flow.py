"""What flows through the main graph: which values depend on the inputs, and who reads them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from lightweight_cli.model.scopes import subgraphs_of

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

RANDOM = {"RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli", "Dropout"}
"""Operators that give other values each time: what they make is no constant."""


class Flow:
    """The main graph's nodes, makers before readers, and which values are moving: all that depend on `fed`, inputs that data feed."""

    def __init__(self, proto: ModelProto, fed: Collection[str]) -> None:
        self.proto = proto
        self.nodes = ordered(list(proto.graph.node))
        self.initializers: dict[str, TensorProto] = {t.name: t for t in proto.graph.initializer}
        self.moving: set[str] = set(fed)
        self.makers: dict[str, int] = {}
        """The node that makes a value."""
        self.reads: list[list[str]] = []
        """The moving values that a node reads."""
        self.moves: list[bool] = []
        """Whether a node's outputs are moving."""
        for i, node in enumerate(self.nodes):
            reads = [n for n in read_by(node) if n in self.moving]
            moves = bool(reads) or node.op_type in RANDOM or next(subgraphs_of(node), None) is not None
            self.moves.append(moves)
            self.makers.update({o: i for o in node.output if o})
            self.reads.append(reads)
            if moves:
                self.moving.update(o for o in node.output if o)


def ordered(nodes: list[NodeProto]) -> list[NodeProto]:
    """Return nodes so that each stands behind those it reads, in their order where that is so: onnxruntime takes any order."""
    makers = {o: i for i, n in enumerate(nodes) for o in n.output if o}
    needs = [sorted({makers[r] for r in read_by(n) if r in makers}, reverse=True) for n in nodes]
    order: list[int] = []
    begun: set[int] = set()
    for i in range(len(nodes)):
        todo = [(i, False)]
        while todo:
            at, ready = todo.pop()
            if ready:
                order.append(at)
            elif at not in begun:
                begun.add(at)
                todo.append((at, True))
                todo.extend((need, False) for need in needs[at] if need not in begun)
    return [nodes[i] for i in order]


def read_by(node: NodeProto) -> Iterator[str]:
    """Yield what a node reads: its inputs, and what its subgraphs take from around them."""
    yield from (n for n in node.input if n)
    for graph in subgraphs_of(node):
        yield from captured(graph)


def captured(graph: GraphProto) -> Iterator[str]:
    """Yield the names that a subgraph takes from the graphs around it."""
    own = {t.name for t in graph.initializer} | {v.name for v in graph.input} | {s.values.name for s in graph.sparse_initializer}
    own |= {o for n in graph.node for o in n.output}
    for node in graph.node:
        yield from (n for n in read_by(node) if n not in own)
    yield from (v.name for v in graph.output if v.name not in own)
