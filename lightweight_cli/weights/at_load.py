"""What one weight takes when a model is loaded: decoded whole, or by rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightweight_cli.weights.load_budget import decoding_bytes
from lightweight_cli.weights.row_chain import load_bytes, row_bytes

if TYPE_CHECKING:
    from lightweight_cli.weights.emission import Emission
    from lightweight_cli.weights.weight import Weight


def at_load(weight: Weight, by_rows: bool, emission: Emission | None = None) -> float:
    """Return the bytes that decoding takes at load, as an emission or, without, as it is stored now."""
    if emission is not None:
        return row_bytes(emission, weight.shape[0]) if by_rows else emission.load_bytes
    rows = load_bytes(weight.model, weight.scope, weight.name) if by_rows and weight.encoded else None
    return decoding_bytes(weight) if rows is None else rows
