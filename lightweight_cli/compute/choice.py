"""Which kinds of layers compute in integers: tried one after the other, the heaviest first, each kept where the model gets faster."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from lightweight_cli.compute.layer import Layer
from lightweight_cli.compute.trial import Measured, Trials
from lightweight_cli.weights.weight import Key

GAIN = 0.97
"""A kind is taken where the model then takes at most this share of the time it took without."""


class Tried(NamedTuple):
    """A kind of layers in one form, measured."""

    kind: str
    form: str
    layers: int
    measured: Measured
    kept: bool

    def __str__(self) -> str:
        times = "" if self.measured.ratio is None else f" {1 / self.measured.ratio:.2f}x as fast as before"
        what = f"does not run: {self.measured.broken}" if self.measured.broken else f"model{times or ': its time is not known'}"
        return f"{self.layers} x {self.kind} as {self.form}: {what}, {'kept' if self.kept else 'left'}"


def kinds(layers: Sequence[Layer]) -> dict[str, list[Layer]]:
    """Return the layers by their kind, that with most values first."""
    found: dict[str, list[Layer]] = {}
    for layer in layers:
        found.setdefault(layer.kind, []).append(layer)
    return dict(sorted(found.items(), key=lambda item: -sum(layer.weight.size for layer in item[1])))


def fastest(trials: Trials, menu: Mapping[str, Sequence[tuple[str, list[Layer]]]], slowest: float,
            tell: Callable[[Tried], None]) -> dict[Key, str]:
    """Return the form of each layer that computes in integers.

    `menu`: for each kind the forms that may be tried, with the layers that they fit; `slowest`: what share of the original's time
    the model may take at most.
    """
    chosen: dict[Key, str] = {}
    before = 1.0
    for kind, forms in menu.items():
        best: tuple[float, dict[Key, str]] | None = None
        results = []
        limit = min(slowest, before * GAIN) if slowest <= 1 else slowest
        for form, layers in forms:
            candidate = chosen | {layer.key: form for layer in layers}
            found = trials.run(candidate)
            results.append((form, layers, found))
            if found.ratio is not None and found.ratio <= limit and (best is None or found.ratio < best[0]):
                best = found.ratio, candidate
        if best is not None:  # what was fast by chance is not so twice
            again = trials.run(best[1])
            slower = max(best[0], math.inf if again.ratio is None else again.ratio)
            best = (slower, best[1]) if slower <= limit else None
        for form, layers, found in results:
            tell(Tried(kind, form, len(layers), found, best is not None and best[1].get(layers[0].key) == form))
        if best is not None:
            before, chosen = best
    return chosen
