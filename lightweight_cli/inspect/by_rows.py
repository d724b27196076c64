"""Tables decoded by rows (weights/row_decoding.py), seen as the tables that they are: a Gather on codes, then nodes on rows."""

from __future__ import annotations

from lightweight_cli.inspect.records import Node
from lightweight_cli.inspect.value import Value
from lightweight_cli.weights.naming import is_inner
from lightweight_cli.weights.operator_inputs import ROWS


def takes_rows(node: Node) -> bool:
    """Whether a node takes rows of what is stored of a table."""
    return (node.op == "Gather" and not node.domain and len(node.inputs) == 2 and len(node.outputs) == 1
            and node.outputs[0] == node.inputs[0] + ROWS and is_inner(node.outputs[0]))


def whole_dims(target: list[int] | None, first: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """Return the shape of a whole table where a Reshape gives `target` to rows of a tensor of shape `first`; 0 keeps an index's axis."""
    if target is None or not first:
        return None
    rank = next((i for i, size in enumerate(target) if size), len(target))
    return (first[0], *target[rank:])


def as_table(value: Value, node: Node) -> None:
    """Make the last value of a table that is decoded by rows the table that a Gather reads."""
    value.name = node.name or value.name
    value.uses.append(("Gather", 0, node))
