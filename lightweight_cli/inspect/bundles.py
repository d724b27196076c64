"""Weights that are decoded together (weights/bundled.py): each is seen as stored apart, in its part of what they share."""

from __future__ import annotations

from lightweight_cli.inspect.fold_shapes import integers
from lightweight_cli.inspect.records import Node
from lightweight_cli.inspect.tensors import Tensor
from lightweight_cli.inspect.value import Stored, Value
from lightweight_cli.weights.naming import is_inner, is_shared
from lightweight_cli.weights.shares import shares


def parts_of(node: Node, inputs: list[Value]) -> list[Value] | None:
    """Return what each output of a node is, if it parts a bundle: something stored, in as many bytes as it has of all numbers."""
    if node.op != "Split" or node.domain or len(node.outputs) < 2 or not all(map(is_inner, node.outputs)):
        return None
    sizes = integers(inputs[1]) if len(inputs) > 1 else node.attributes.get("split")
    if not isinstance(sizes, list) or len(sizes) != len(node.outputs) or min(sizes) < 0 or not sum(sizes):
        return None
    own, tables = _made_of(inputs)
    whole, heavy = sum(value.heavy.nbytes for value in own), inputs[0].heavy
    found = []
    for name, size, nbytes in zip(node.outputs, sizes, shares(whole, sizes), strict=True):
        tensor = Tensor(name, heavy.tensor.dtype, (size,), nbytes)
        value = Value(name, Stored(tensor, name, heavy.kind, heavy.scope, heavy.graph))
        value.inputs, value.ops, value.dtype = tables, inputs[0].ops | {node.op}, inputs[0].dtype
        found.append(value)
    return found


def stored_parts(inputs: list[Value]) -> list[Value]:
    """Return the stored values of which the parts of a bundle are made, and nothing else is."""
    return _made_of(inputs)[0]


def _made_of(inputs: list[Value]) -> tuple[list[Value], list[Value]]:
    """Return what is stored for a bundle alone, and the tables that it shares with others."""
    own, tables, seen, waiting = [], [], set(inputs), list(inputs)
    while waiting:
        value = waiting.pop()
        if is_shared(value.name):
            tables.append(value)
            continue
        if not value.op:
            own.append(value)
        for part in value.inputs:
            if part not in seen:
                seen.add(part)
                waiting.append(part)
    return own, tables
