"""What a model does itself to the values of its images before the first layer: x * scale + shift, by Mul, Add, Sub and Div.

A model that brings its images to a mean of 0 and a spread of about 1 tells by it what it is fed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightweight_cli.weights.constant_values import evaluate
from lightweight_cli.weights.not_constant import NotConstant

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model
    from lightweight_cli.model.scopes import Scope, Use

PASSED = {"Transpose", "Identity", "Cast", "Pad"}
"""Operators between an input and its first layer that keep the values."""
SUMS, PRODUCTS = {"Add", "Sub"}, {"Mul", "Div"}
FAR = 16
"""Nodes that are looked at."""


class Normalizing(NamedTuple):
    """x * scale + shift, a number for all channels or one for each."""

    scale: np.ndarray
    shift: np.ndarray


def normalized(model: Model, scope: Scope, name: str) -> tuple[str, Normalizing | None]:
    """Return the value that an input has become where something else begins, and what was done to it; None: nothing."""
    scale, shift, found = np.ones(1), np.zeros(1), False
    for _ in range(FAR):
        uses = [u for u in scope.uses.get(name, []) if u.scope is scope]
        use = next((u for u in uses if u.node.op_type in PASSED | SUMS | PRODUCTS), None)
        if use is None or any(u.node.op_type in ("Conv", "FusedConv") for u in uses):
            break
        if use.node.op_type not in PASSED:
            by = _constant(model, scope, use)
            if by is None or (use.index == 1 and use.node.op_type in ("Sub", "Div")):
                break
            found = True
            if use.node.op_type in PRODUCTS:
                by = by if use.node.op_type == "Mul" else 1 / by
                scale, shift = scale * by, shift * by
            else:
                shift = shift + by if use.node.op_type == "Add" else shift - by
        elif use.index:
            break
        name = use.node.output[0]
    return name, Normalizing(scale, shift) if found and np.isfinite(scale).all() and np.isfinite(shift).all() else None


def _constant(model: Model, scope: Scope, use: Use) -> np.ndarray | None:
    """Return the other operand, if it is a number, or one for each of up to four channels."""
    try:
        found = evaluate(model, scope, use.node.input[1 - use.index])
    except NotConstant:
        return None
    fits = found.size in (1, 3, 4) and found.dtype.kind in "fiu" and not (use.node.op_type == "Div" and (found == 0).any())
    return found.reshape(-1).astype(np.float64) if fits else None
