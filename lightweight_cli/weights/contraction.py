"""An Einsum of two operands as a product with one of them: which axes are groups, outputs, inputs and rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lightweight_cli.weights.node_attributes import text

if TYPE_CHECKING:
    from onnx import NodeProto

Axes = tuple[int, ...]


class Contraction(NamedTuple):
    """The axes of the weight, and those of the other operand."""

    groups: Axes
    outputs: Axes
    inputs: Axes
    others_groups: Axes
    others_inputs: Axes
    """Negative ones count from the end; all that are in neither are rows."""


def contraction(node: NodeProto, mine: int) -> Contraction:
    """Return how a two-operand Einsum multiplies by its operand `mine`. Raises: ValueError for any other equation."""
    left, arrow, out = text(node, "equation", "").replace(" ", "").partition("->")
    term, other = left.split(",")[mine], left.split(",")[1 - mine]
    letters = other.replace("...", "")
    kept = out if arrow else "".join(c for c in term + letters if (term + letters).count(c) == 1)
    alone = [c for c in term if c not in letters and c not in kept] + [c for c in letters if c not in term and c not in kept]
    if left.count(",") != 1 or "." in term or len(set(term)) < len(term) or len(set(letters)) < len(letters) or alone:
        raise ValueError(f"{left}{arrow}{out} is no product of two matrices")
    head, dots, _ = other.partition("...")
    place = {c: i if not dots or c in head else i - len(letters) for i, c in enumerate(letters)}
    groups = [c for c in term if c in letters and c in kept]
    inputs = [c for c in term if c in letters and c not in kept]
    at = {c: i for i, c in enumerate(term)}
    return Contraction(tuple(at[c] for c in groups), tuple(i for c, i in at.items() if c not in letters), tuple(at[c] for c in inputs),
                       tuple(place[c] for c in groups), tuple(place[c] for c in inputs))
