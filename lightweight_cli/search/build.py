"""A candidate: every layer rounded for what it sees behind those before it, in one pass of the compressed model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from lightweight_cli.calibration.statistics import Statistics
from lightweight_cli.calibration.study import Study
from lightweight_cli.search.gains import values_of
from lightweight_cli.search.items import Item
from lightweight_cli.search.layer import Layer
from lightweight_cli.search.rounding import Rounded, rounded

Advance = Callable[[Layer], None]
Seen = Callable[[Layer, "Statistics | None"], "Statistics | None"]
"""What a layer is taken to see: on synthetic inputs, that mixed with a prior."""


def unseen(layer: Layer, seen: Statistics | None) -> None:
    """Take nothing to be seen: weights are rounded to nearest."""


class Built(NamedTuple):
    """New values of the layers, in their order."""

    rounded: Sequence[Rounded]

    @property
    def nbytes(self) -> float:
        """What they take in the file."""
        return sum(r.nbytes for r in self.rounded)

    def values(self, layers: Sequence[Layer]) -> dict[str, np.ndarray]:
        """Return the new values of weights and of biases, by key."""
        found: dict[str, np.ndarray] = {}
        for layer, new in zip(layers, self.rounded, strict=True):
            found.update(values_of(layer, new))
        return found


def build(study: Study | None, layers: Sequence[Layer], items: Mapping[int, Item], seen: Seen, advance: Advance,
          firm: bool = False) -> Built:
    """Build the model in which each layer, by its id, has its item; without a study for nothing but the weights.

    Raises: InputError where the model does not run; ValueError where values are not finite.
    """
    by_weight, found = {id(layer.weight): layer for layer in layers}, {}
    if study is not None:
        for told in study.walk():
            layer = by_weight.get(id(told.weight))
            if layer is None:
                continue
            new = found[id(layer)] = rounded(layer, items[id(layer)], seen(layer, told.statistics), firm=firm)
            beside = {} if layer.bias is None or new.bias is None else {layer.bias.name: new.bias}
            told.replace(new.values, beside)
            advance(layer)
    for layer in layers:
        if id(layer) not in found:
            found[id(layer)] = rounded(layer, items[id(layer)], seen(layer, None), firm=firm)
            advance(layer)
    return Built([found[id(layer)] for layer in layers])
