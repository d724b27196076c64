"""The walk from the loss back: which nodes lie between it and the weights, and their rules in reverse order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from onnx import NodeProto, helper

from lightweight_cli.errors import printable
from lightweight_cli.gradients.op import Op, Unfit
from lightweight_cli.gradients.rules.table import CONSTANT, RULES
from lightweight_cli.gradients.values import Value
from lightweight_cli.model.scopes import subgraphs_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnx import GraphProto

    from lightweight_cli.gradients.emitter import Emitter

PLAIN = ("", "ai.onnx")


class Uncovered(NamedTuple):
    """A node between a weight and the loss that can't be differentiated."""

    node: str
    op_type: str
    why: str

    def __str__(self) -> str:
        return f"{printable(self.op_type)} {printable(self.node)}: {self.why}"


class Walk:
    """One differentiation; nodes that can't be are noted, and the walk goes on to find them all."""

    def __init__(self, opset: int) -> None:
        self.opset = opset
        self.uncovered: list[Uncovered] = []

    def back(self, nodes: Sequence[NodeProto], emitter: Emitter, seeds: dict[str, Value], wrt: set[str]) -> dict[str, Value]:
        """Write the backward of a graph's nodes.

        `seeds`: gradients of values, by name.
        Returns: the gradients of those of `wrt` that the seeds depend on.
        """
        active = reached(nodes, wrt)
        found: dict[str, list[Value]] = {name: [value] for name, value in seeds.items()}
        for place, node in reversed(list(enumerate(nodes))):
            outputs = [found.pop(n, []) if n else [] for n in node.output]
            if not any(outputs) or not any(n in active for n in read_by(node)) or not flows(node):
                continue
            for name, gradient in self._rule(place, node, emitter, [total(g) for g in outputs], active):
                found.setdefault(name, []).append(gradient)
        return {name: whole for name in wrt if (whole := total(found.get(name, []))) is not None}

    def _rule(self, place: int, node: NodeProto, emitter: Emitter, gradients: list[Value | None],
              active: set[str]) -> list[tuple[str, Value]]:
        rule = RULES.get(node.op_type) if node.domain in PLAIN else None
        why = "there is no rule for this operator"
        try:
            if rule is not None:
                op = Op(node, emitter, gradients, active, self.opset, place, list(read_by(node)), self._branch)
                rule(op)
                return op.given
        except (Unfit, IndexError, KeyError, TypeError, ValueError) as error:  # a node that no runtime would take either
            why = str(error) if isinstance(error, Unfit) else "it is not as the operator is defined"
        operator = f"{node.domain}.{node.op_type}" if node.domain not in PLAIN else node.op_type
        self.uncovered.append(Uncovered(node.name or next((n for n in node.output if n), ""), operator, why))
        stand_in = next(g for g in gradients if g is not None)
        return [(name, stand_in) for name in read_by(node) if name in active]

    def _branch(self, op: Op, attribute: str, names: list[str]) -> GraphProto:
        graph: GraphProto = op.attributes[attribute]
        inner = op.into.within(op.facts.within[op.place, attribute])
        nodes = []
        for node in graph.node:
            nodes.append(NodeProto())
            nodes[-1].CopyFrom(node)
        seeds: dict[str, list[Value]] = {}
        for value, gradient in zip(graph.output, op.gs, strict=True):
            if gradient is not None:
                seeds.setdefault(value.name, []).append(Value(inner, gradient.name, gradient.type))
        found = self.back(nodes, inner, {k: whole for k, v in seeds.items() if (whole := total(v)) is not None}, set(names))
        results = []
        for name in names:
            own = inner.value(name)
            results.append(inner.emit("Identity", found[name].cast(own.type) if name in found else inner.zeros(own, own.type)))
        return helper.make_graph(
            used([*nodes, *inner.nodes], {r.name for r in results}), f"gradient of {graph.name}", [],
            [helper.make_tensor_value_info(r.name, r.type, None) for r in results])


def used(nodes: Sequence[NodeProto], wanted: set[str]) -> list[NodeProto]:
    """Return the nodes that something wanted depends on, in their order."""
    needed, kept = set(wanted), []
    for node in reversed(nodes):
        if any(name in needed for name in node.output):
            kept.append(node)
            needed.update(read_by(node))
    return kept[::-1]


def total(gradients: list[Value]) -> Value | None:
    """Return the sum of what came back along several ways."""
    if len(gradients) < 2:
        return gradients[0] if gradients else None
    return gradients[0].into.emit("Add" if len(gradients) == 2 else "Sum", *gradients)


def reached(nodes: Sequence[NodeProto], wrt: set[str]) -> set[str]:
    """Return the names whose values change with those of `wrt`, these included."""
    names = set(wrt)
    for node in nodes:
        sources = node.input[:1] if node.op_type == "CastLike" else read_by(node)
        if flows(node) and any(name in names for name in sources):
            names.update(name for name in node.output if name)
    return names


def flows(node: NodeProto) -> bool:
    """Whether outputs can change with inputs other than in steps."""
    return node.domain not in PLAIN or node.op_type not in CONSTANT


def read_by(node: NodeProto) -> Iterator[str]:
    """Yield the names a node reads, those of the graphs within it included."""
    yield from filter(None, node.input)
    for graph in subgraphs_of(node):
        yield from free_names(graph)


def free_names(graph: GraphProto) -> Iterator[str]:
    """Yield the names that a graph within reads from around it."""
    own = {v.name for v in graph.input} | {t.name for t in graph.initializer} | {n for node in graph.node for n in node.output}
    for node in graph.node:
        yield from (name for name in read_by(node) if name not in own)
    yield from (v.name for v in graph.output if v.name not in own)
