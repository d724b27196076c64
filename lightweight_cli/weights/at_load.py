"""What one weight takes when a model is loaded: decoded whole, or by rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lightweight_cli.weights.bundled import part_of
from lightweight_cli.weights.constant_values import Chain
from lightweight_cli.weights.not_constant import NotConstant
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


def decoding_bytes(weight: Weight) -> float:
    """Return the bytes that the nodes which compute a stored weight give, and what they decode; of a plain one its own."""
    chain = Chain(weight.model, weight.scope, weight.name)
    try:
        chain.known(weight.scope, weight.name)
    except NotConstant:
        return 0.0
    taken = {key: math.prod(known.shape) * known.dtype.itemsize for key, known in chain.shapes.items()}
    part = part_of(weight.scope, weight.name)
    if part is None:
        return float(sum(taken.values()))
    together = sum(taken.pop((id(home), name), 0) for home, name in part.own(weight.scope))
    return float(sum(taken.values()) + part.share(weight.model, weight.scope, together))
