"""Which values of the main graph become integers around static layers, and which activation functions their ranges make needless."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightweight_cli.weights import constants

if TYPE_CHECKING:
    from onnx import NodeProto

    from lightweight_cli.model.model import Model
    from lightweight_cli.model.scopes import Scope

FRIENDS = {"Add": 2, "Concat": 0, "GlobalAveragePool": 1, "AveragePool": 1}
"""Operators that onnxruntime computes on integers, and how many inputs they have; 0: any."""
SAME = ("MaxPool", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Transpose")
"""Operators whose output has the integers of their first input."""


class Region(NamedTuple):
    """What becomes integers."""

    values: list[str]
    """In the order of the graph."""
    same: dict[str, str]
    """Values that have the scale of another one."""
    cut: dict[str, tuple[NodeProto, NodeProto]]
    """Values whose range makes an activation function needless: what computes them, and the function that goes."""


def region(model: Model, main: Scope, nodes: Sequence[NodeProto]) -> Region:
    """Return the region around some nodes."""
    computing = {id(n) for n in nodes}
    ends: dict[str, tuple[NodeProto, NodeProto]] = {}
    values: dict[str, None] = {}
    same: dict[str, str] = {}
    for node in main.graph.node:
        if id(node) in computing:
            values[node.input[0]] = None
            _take(model, main, node, values, ends)
        elif node.domain not in ("", "ai.onnx") or len(node.output) != 1:
            continue
        elif node.op_type in SAME and _in(node.input[:1], values):
            values[node.output[0]] = None
            same[node.output[0]] = node.input[0]
        elif node.op_type in FRIENDS and _in(node.input, values) and FRIENDS[node.op_type] in (0, len(node.input)):
            _take(model, main, node, values, ends)
    return Region(_wanted(main, computing, values, same), same, ends)


def _in(names: Collection[str], values: Collection[str]) -> bool:
    return all(n in values for n in names)


def _take(model: Model, main: Scope, node: NodeProto, values: dict[str, None], ends: dict[str, tuple[NodeProto, NodeProto]]) -> None:
    """Add what a node computes, behind the activation function that its range makes needless."""
    function = _function(model, main, node.output[0])
    if function is None:
        values[node.output[0]] = None
    else:
        values[function.output[0]] = None
        ends[function.output[0]] = node, function


def _function(model: Model, main: Scope, value: str) -> NodeProto | None:
    """Return the Relu, or the Clip from 0 on, that alone reads a value."""
    uses = main.uses.get(value, [])
    if len(uses) != 1 or value in main.outputs or uses[0].scope is not main or uses[0].index:
        return None
    node = uses[0].node
    if node.op_type == "Relu":
        return node
    if node.op_type != "Clip" or len(node.input) < 2:
        return None
    low = constants.leaf(main, node.input[1]) if node.input[1] else None
    return node if low is not None and float(np.asarray(model.array(low)).reshape(-1)[0]) == 0 else None


def _wanted(main: Scope, computing: Collection[int], values: dict[str, None], same: dict[str, str]) -> list[str]:
    """Leave out what no operator on integers reads or writes: behind the last of them floats go on."""
    wanted: set[str] = set()
    made = {o: n for n in main.graph.node for o in n.output}
    for name in reversed(values):
        maker = made.get(name)
        readers = [u.node for u in main.uses.get(name, [])]
        source = made.get(maker.input[0]) if maker is not None and maker.op_type in ("Relu", "Clip") else maker
        if (source is not None and id(source) in computing) or any(id(r) in computing for r in readers):
            wanted.add(name)
        elif any(o in wanted for r in readers if r.op_type in (*FRIENDS, *SAME) for o in _ends(main, r)):
            wanted.add(name)
    for name in reversed(values):
        if name in wanted and name in same:
            wanted.add(same[name])
    return [n for n in values if n in wanted]


def _ends(main: Scope, node: NodeProto) -> list[str]:
    """Return a node's outputs, and those of functions right behind it."""
    behind = [u.node for o in node.output for u in main.uses.get(o, []) if u.node.op_type in ("Relu", "Clip")]
    return [*node.output, *(o for n in behind for o in n.output)]
