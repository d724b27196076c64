"""From a model to its labels: the rules in the order of the graph, and what must stay as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightweight_cli.errors import printable
from lightweight_cli.model.scopes import Scopes, subgraphs_of
from lightweight_cli.structure.rules.table import NO_TIES, RULES, STATING
from lightweight_cli.structure.trace import Op, Trace, Unfit

if TYPE_CHECKING:
    from onnx import NodeProto

    from lightweight_cli.model.model import Model

COMPUTED = "its size is computed with"
DOMAINS = ("", "ai.onnx", "com.microsoft")


def traced(model: Model, scopes: Scopes, inner: bool = False) -> Trace:
    """Return the labels of a model's main graph; `inner`: the dimensions within heads are what can go, not whole heads."""
    main = scopes.main
    trace = Trace(model, main, inner)
    trace.functions.update(scopes.functions)
    for name in main.inputs:
        trace.freeze(name, None, "it is an input of the model" if name not in main.initializers else "the caller may override it")
    for name, uses in main.uses.items():
        if any(use.scope is not main for use in uses):
            trace.freeze(name, None, "a graph within uses it")
    for sparse in main.graph.sparse_initializer:
        trace.freeze(sparse.values.name, None, "it is stored as a sparse tensor")
    for node in main.graph.node:
        visit(trace, node)
    for name in main.outputs:
        trace.freeze(name, None, "it is an output of the model")
        _escape(trace, name)
    return trace


def visit(trace: Trace, node: NodeProto) -> None:
    """Apply a node's rule; where there is none, or it does not fit, all that the node reads and makes stays."""
    followed = node.domain in ("", "ai.onnx") and trace.numbers.follow(node)
    if not followed:
        for i, name in enumerate(node.input):
            if (node.op_type, i) not in STATING:
                _escape(trace, name)
    if node.op_type in NO_TIES and node.domain in ("", "ai.onnx"):
        if node.op_type == "Shape" and not followed:
            trace.freeze(node.input[0], None, COMPUTED)
        if node.op_type == "Constant" and node.output and trace.stored(node.output[0]) is None:
            trace.freeze(node.output[0], None, "it is listed in an attribute")
        return
    plain = node.domain in DOMAINS and (node.domain, node.op_type) not in trace.functions and next(subgraphs_of(node), None) is None
    rule = RULES.get(node.op_type) if plain else None
    reason = f"no rule is known for {printable(node.op_type)}"
    try:
        if rule is not None:
            rule(Op(trace, node))
            return
    except (Unfit, IndexError, KeyError, TypeError, ValueError) as e:  # a node that no runtime would take either
        reason = f"{printable(node.op_type)}: {e if isinstance(e, Unfit) else 'it is not as the operator is defined'}"
    for name in (*node.input, *node.output):
        if name:
            trace.freeze(name, None, reason)


def _escape(trace: Trace, name: str) -> None:
    """Freeze the axes whose sizes a value holds: what becomes of them is not followed."""
    for number in trace.numbers.known.get(name, ()):
        if number.of is not None:
            trace.freeze(*number.of, COMPUTED)
