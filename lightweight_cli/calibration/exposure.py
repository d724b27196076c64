"""Values in the branches of If, made outputs of the outermost If: the only place where onnxruntime shows them.

Every If on the way gets one more output for each; the branch that has no such value gives an empty tensor of its type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from lightweight_cli.model.scopes import Scope, subgraphs_of

if TYPE_CHECKING:
    from onnx import GraphProto

PREFIX = "lwc.calibration."
"""How the names begin that calibration adds to its own copy of a model."""

BRANCHES_DIFFER = 11
"""The opset from which the branches of an If may give different shapes."""


class NotReached(Exception):
    """Why the activations of a weight can't be had, in words."""


class Exposures:
    """The values of one model that were made outputs so far."""

    def __init__(self) -> None:
        self.count = 0

    def expose(self, scope: Scope, name: str, kind: int) -> tuple[str, NodeProto]:
        """Make the value that a subgraph `scope` calls `name` an output of all Ifs around it, as a tensor of type `kind`.

        Returns: its name in the main graph, and the node there that gives it. Raises: NotReached.
        """
        way = path_of(scope)
        if scope.opset < BRANCHES_DIFFER:
            raise NotReached(f"no activations reachable: in a branch, which shows no values before opset {BRANCHES_DIFFER}")
        self.count += 1
        shown = f"{PREFIX}{self.count}"
        scope.graph.node.append(helper.make_node("Cast", [name], [f"{shown}.{len(way)}"], to=kind))
        for depth, (inside, node) in zip(range(len(way), 0, -1), way, strict=True):
            for graph in subgraphs_of(node):
                if graph is not inside.graph:
                    _leave_empty(graph, f"{shown}.{depth}.empty", kind)
                else:
                    graph.output.append(_value(f"{shown}.{depth}", kind))
            node.output.append(f"{shown}.{depth - 1}" if depth > 1 else shown)
        return shown, way[-1][1]


def path_of(scope: Scope) -> list[tuple[Scope, NodeProto]]:
    """Return the scopes from `scope` outwards, each with the If that it is a branch of. Raises: NotReached."""
    way: list[tuple[Scope, NodeProto]] = []
    while not scope.is_function and scope.parent is not None:
        node = next(n for n in scope.parent.graph.node for g in subgraphs_of(n) if g is scope.graph)
        if node.op_type != "If" or node.domain not in ("", "ai.onnx"):
            raise NotReached(f"no activations reachable: in the body of a {node.op_type}")
        way.append((scope, node))
        scope = scope.parent
    if scope.is_function:
        raise NotReached("no activations reachable: in a function")
    return way


def _value(name: str, kind: int) -> ValueInfoProto:
    value = ValueInfoProto(name=name)
    value.type.tensor_type.elem_type = kind
    return value


def _leave_empty(graph: GraphProto, name: str, kind: int) -> None:
    """Give a branch an output without elements."""
    nothing = TensorProto(data_type=kind, dims=[0]) if kind == TensorProto.BFLOAT16 else numpy_helper.from_array(
        np.empty(0, helper.tensor_dtype_to_np_dtype(kind)))
    graph.node.append(helper.make_node("Constant", [], [name], value=nothing))
    graph.output.append(_value(name, kind))
