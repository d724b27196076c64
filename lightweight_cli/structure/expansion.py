"""How many nodes a model has once its functions are unrolled: nested calls can be a bomb."""

from __future__ import annotations

import math
from collections.abc import Iterable

from onnx import ModelProto, NodeProto

MOST = 100_000
"""Nodes that are unrolled to infer shapes; where there are more, function calls stay opaque."""


def nodes(proto: ModelProto) -> float:
    """Return the number of nodes, function calls unrolled and branches included; infinity for functions that call themselves."""
    bodies = {(f.domain, f.name): f.node for f in proto.functions}
    known: dict[tuple[str, str], float] = {}

    def total(these: Iterable[NodeProto]) -> float:
        return sum(called((n.domain, n.op_type)) + sum(total(g.node) for a in n.attribute for g in (a.g, *a.graphs)) for n in these)

    def called(key: tuple[str, str]) -> float:
        if key not in bodies:
            return 1
        if key not in known:
            known[key] = math.inf  # until it is counted: whoever comes here again calls itself
            known[key] = total(bodies[key])
        return known[key]

    return total(proto.graph.node)
