"""What a weight becomes on each rung of the ladder: fewer and fewer bits, more and more zeros."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from lightweight_cli.numerics import magnitude
from lightweight_cli.passes.quantize.form import Form
from lightweight_cli.passes.quantize.nearest import quantized

if TYPE_CHECKING:
    from lightweight_cli.weights.weight import Weight


class Rung(NamedTuple):
    """One change of a weight."""

    kind: Literal["bits", "sparsity"]
    amount: float

    def __str__(self) -> str:
        """Say it in a word or two: "4 bits", "50 % zeros"."""
        return f"{self.amount:g} bits" if self.kind == "bits" else f"{100 * self.amount:g} % zeros"


BITS = (8, 6, 4, 3, 2)
ZEROS = (0.5, 0.7, 0.9)
LADDER = (*(Rung("bits", b) for b in BITS), *(Rung("sparsity", s) for s in ZEROS))
FIRST = (4, 0.5, 2, 8, 0.9, 3, 6, 0.7)
"""In which order a weight climbs: where time is short, what tells most comes first."""


def order(first: int) -> list[Rung]:
    """Return the ladder in the order of trying, with the bits that are asked for at the beginning."""
    return sorted(LADDER, key=lambda r: (r != Rung("bits", first), FIRST.index(r.amount)))


def changed(weight: Weight, rung: Rung) -> np.ndarray:
    """Return the weight's values on a rung: what `quantize --method nearest` and `prune --sparsity` make of it.

    Raises: ValueError where no grid fits, or values can't be ordered.
    """
    if rung.kind == "bits":
        form = Form(int(rung.amount))
        return quantized(weight.model, weight, form.groups(weight), form.bits, True).decode()
    values = weight.read(0, weight.size).reshape(weight.shape)
    limit, ties = magnitude.threshold([values], round(rung.amount * weight.size), weight.numpy)
    return magnitude.apply(values, limit, ties)[0]
