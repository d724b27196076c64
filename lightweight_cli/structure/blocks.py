"""Residual blocks: what is added to a value that goes on beside it, and can be left out with nothing else changed.

    a = Add (p, f (p))    without its block is    a = p

A block is a branch of an Add that nobody else reads, computed from what the other branch is computed from, of the same shape, whose
outputs are 0 where its last layer and what is added behind it are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from lightweight_cli.structure.trace import Trace
from lightweight_cli.weights import constants
from lightweight_cli.weights.graph_edits import drop_initializer

if TYPE_CHECKING:
    from onnx import NodeProto

THROUGH = {"Identity", "Dropout", "Relu", "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Cast", "Mul", "Div"}
"""Operators that make zeros of zeros, in their first input or in either."""
OFFSETS = {"BatchNormalization": (2, 3), "Add": (0, 1)}
"""What is added, by the inputs that say it."""


class Block(NamedTuple):
    """One branch of an Add."""

    add: NodeProto
    stays: str
    """The value that the Add adds the block to."""
    nodes: list[NodeProto]
    last: NodeProto
    """The layer that makes its outputs."""
    offsets: tuple[str, ...]
    """Constants that are added to what that layer makes."""


def blocks_of(trace: Trace) -> list[Block]:
    """Return the blocks of the main graph, in the order of their Adds; of two branches that could go, the one with more layers."""
    layers = {id(layer.node): layer for layer in trace.layers if layer.constant}
    found = []
    for node in trace.scope.graph.node:
        if node.op_type != "Add" or node.domain not in ("", "ai.onnx") or len(set(node.input)) != 2:
            continue
        both = [b for b in (_branch(trace, node, k, layers) for k in (0, 1)) if b is not None]
        if both:
            found.append(max(both, key=lambda b: sum(id(n) in layers for n in b.nodes)))
    return found


def leave_out(trace: Trace, block: Block) -> None:
    """Take a block, and the constants that only it reads, out of the model of `trace`."""
    graph, scope = trace.scope.graph, trace.scope
    block.add.op_type = "Identity"
    del block.add.input[:]
    block.add.input.append(block.stays)
    gone = {id(n) for n in block.nodes}
    mine = [i for n in block.nodes for i in n.input]
    for i in reversed(range(len(graph.node))):
        if id(graph.node[i]) in gone:
            del graph.node[i]
    read = {i for n in graph.node for i in n.input} | scope.outputs | scope.inputs
    read |= {name for name, uses in scope.uses.items() if any(use.scope is not scope for use in uses)}
    for name in [name for name in dict.fromkeys(mine) if name in scope.initializers and name not in read]:
        drop_initializer(graph, name)
        del scope.initializers[name]


def _branch(trace: Trace, add: NodeProto, side: int, layers: Mapping[int, object]) -> Block | None:
    """Return one branch of an Add as a block, None where it is none."""
    scope, value, stays = trace.scope, add.input[side], add.input[1 - side]
    if not _alike(trace, value, stays) or not _alike(trace, stays, add.output[0]) or constants.leaf(scope, stays) is not None:
        return None
    nodes = _exclusive(trace, add, value)
    chain = _zeroed_by(trace, value, layers)
    if chain is None or not any(n is chain[0] for n in nodes):
        return None
    made = {o for n in nodes for o in n.output}
    given = {i for n in nodes for i in n.input if i and i not in made and constants.leaf(scope, i) is None}
    if not given or not given <= _before(trace, stays):
        return None
    return Block(add, stays, nodes, *chain)


def _alike(trace: Trace, one: str, other: str) -> bool:
    a, b = trace.sizes.shapes(one), trace.sizes.shapes(other)
    return a is not None and a == b and all(size >= 0 for size in a[0])


def _exclusive(trace: Trace, add: NodeProto, value: str) -> list[NodeProto]:
    """Return the nodes that only this input of an Add has a use for, in the order of the graph."""
    scope = trace.scope
    inside, wanted = {id(add)}, {value}
    for node in reversed(scope.graph.node):
        outputs = [o for o in node.output if o]
        uses = [use for o in outputs for use in scope.uses.get(o, ())]
        needed = any(o in wanted for o in outputs) and not any(o in scope.outputs for o in outputs)
        ours = all(use.scope is scope and id(use.node) in inside and (use.node is not add or add.input[use.index] == value) for use in uses)
        if needed and ours:
            inside.add(id(node))
            wanted.update(node.input)
    return [n for n in scope.graph.node if id(n) in inside and n is not add]


def _zeroed_by(trace: Trace, value: str, layers: Mapping[int, object]) -> tuple[NodeProto, tuple[str, ...]] | None:
    """Return the layer whose outputs are all that a value is made of, and the constants that are added on the way; None: not so."""
    scope = trace.scope
    offsets: list[str] = []
    while (node := scope.producers.get(value)) is not None:
        if id(node) in layers:
            bias = [node.input[2]] if node.op_type in ("Conv", "ConvTranspose", "Gemm") and len(node.input) > 2 and node.input[2] else []
            names = (*offsets, *bias)
            own = all(trace.stored(n) is not None and len(scope.uses.get(n, ())) == 1 and n not in scope.outputs for n in names)
            return (node, names) if own else None
        data = [i for i in node.input if i and constants.leaf(scope, i) is None]
        if len(data) != 1 or node.op_type not in (*THROUGH, *OFFSETS) or (node.op_type == "Div" and data[0] != node.input[0]):
            return None
        offsets += [node.input[k] for k in OFFSETS.get(node.op_type, ()) if node.input[k] != data[0]]
        value = data[0]
    return None


def _before(trace: Trace, value: str) -> set[str]:
    """Return a value and all that it is computed from."""
    found, left = set(), [value]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left.extend(_inputs(trace, name))
    return found


def _inputs(trace: Trace, name: str) -> Iterator[str]:
    node = trace.scope.producers.get(name)
    return iter(node.input if node is not None else ())
