"""Whether a model has tables decoded by rows: all that most models need of row_restoring.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lightweight_cli.weights.naming import is_inner
from lightweight_cli.weights.operator_inputs import ROWS

if TYPE_CHECKING:
    from onnx import NodeProto

    from lightweight_cli.model.model import Model


@dataclass(eq=False, repr=False)
class Restored:
    """Tables that were decoded by rows, and what that told of their indices."""

    names: set[str] = field(default_factory=set)
    ranks: dict[str, int] = field(default_factory=dict)


def some_by_rows(model: Model) -> bool:
    """Whether some table may be decoded by rows."""
    return any(takes_rows(node) for node in model.proto.graph.node)


def takes_rows(node: NodeProto) -> bool:
    """Whether a node takes rows of what is stored of a table."""
    return (node.op_type == "Gather" and node.domain in ("", "ai.onnx") and len(node.input) == 2 and len(node.output) == 1
            and node.output[0] == node.input[0] + ROWS and is_inner(node.input[0]))
