"""Tables that are added to embeddings: large constants that are weights although only an Add reads them.

A transformer's position table, exported for one length, is such a constant, and may be most of a small model: with it
float, 65 % of one 4-bit file. MiniLM's alone takes STS-B's Spearman from .8496 to .8499 at 4 bits, .8501 shared, .8508 half
pruned: it is no more sensitive than other weights, so those passes take it. Other added tables are no weights: the anchors of a
detector are coordinates, and a rounded one moves its box. What tells them apart is that embeddings are normalised next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightweight_cli.weights.roles import Axes, Rule, Shape

if TYPE_CHECKING:
    from onnx import NodeProto

    from lightweight_cli.model.scopes import Scope

NORMS = {"LayerNormalization", "SkipLayerNormalization", "SimplifiedLayerNormalization", "RMSNormalization", "ReduceMean"}
"""Operators that normalise embeddings: what an Add hands to one, an error of a table's size does not ruin."""
BETWEEN = {"Add", "Dropout", "Identity", "Cast"}
HOPS = 5
"""Most operators of BETWEEN, one after another, between the Add and a normalisation."""
ROWS = 2
"""Axes longer than 1 from which a constant is a table; a bias has one."""


def table_rule(scope: Scope, node: NodeProto, index: int) -> Rule | None:
    """Return the rule of a table that `node` adds to embeddings; None where it is no such Add."""
    if node.op_type != "Add" or node.domain not in ("", "ai.onnx") or len(node.output) != 1:
        return None
    return _rows if _is_normalised(scope, node.output[0]) else None


def _rows(node: NodeProto, shape: Shape) -> Axes | None:
    """Each row along the last axis has its own scale."""
    return tuple(range(len(shape) - 1)) if sum(d > 1 for d in shape) >= ROWS else None


def _is_normalised(scope: Scope, name: str) -> bool:
    """Whether a normalisation reads `name`, at once or behind a few operators that keep its size."""
    names = {name}
    for _ in range(HOPS):
        uses = [u for n in names for u in scope.uses.get(n, ()) if u.node.domain in ("", "ai.onnx", "com.microsoft")]
        if any(u.node.op_type in NORMS and u.index == 0 for u in uses):
            return True
        names = {o for u in uses if u.node.op_type in BETWEEN for o in u.node.output if o}
    return False
