"""Which values are balanced against the weights that read them, before layers round them: those that bring the outputs nearer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from lightweight_cli.compute.balanced import input_of
from lightweight_cli.compute.integers import FULL, REDUCED
from lightweight_cli.compute.layer import Layer
from lightweight_cli.compute.seen import Seen
from lightweight_cli.compute.trial import Trials
from lightweight_cli.numerics.balance import Channels, balanced
from lightweight_cli.weights.weight import Key

NEARER = 1.0
"""dB that the outputs must gain where what reads a value alone is in integers, for the value to be divided, which takes time on every
run. Of 24 values of MiniLM one loses 8 dB: the ends of its channels are those of a few tokens on which nothing depends."""
ENOUGH = 40.0
"""dB that all in integers have without it, from which on nothing needs it."""


def inputs_of(layers: Sequence[Layer]) -> dict[str, list[Layer]]:
    """Return the values of the main graph that may be balanced, with the layers that read each."""
    found: dict[str, list[Layer]] = {}
    for layer in layers:
        if value := input_of(layer):
            found.setdefault(value, []).append(layer)
    return found


def balance(trials: Trials, layers: Sequence[Layer], forms: Mapping[Key, str], channels: Mapping[str, Channels],
            tell: Callable[[str], None], advance: Callable[[int, int], None]) -> None:
    """Let layers read the values balanced that bring the outputs nearer, in the `forms` that layers may have.

    Each value by itself, with what reads it alone in integers; then all of them with all layers.
    """
    plain = trials.seen
    before = trials.run(forms, latency=False).sqnr
    if before is None or before >= ENOUGH:
        return
    readers = inputs_of(layers)
    found = {value: by for value, some in readers.items() if (by := factors_of(some, channels.get(value), trials.reduced)) is not None}
    kept: dict[str, np.ndarray] = {}
    for done, (value, by) in enumerate(found.items()):
        advance(done, len(found))
        alone = {layer.key: forms[layer.key] for layer in readers[value]}
        trials.seen = plain
        without = trials.alone(alone)
        trials.seen = divided(plain, {value: by}, channels)
        if (told := trials.alone(alone)) is not None and without is not None and told > without + NEARER:
            kept[value] = by
    trials.seen = divided(plain, kept, channels)
    after = trials.run(forms, latency=False).sqnr if kept else None
    if after is None or after < before:
        trials.seen = plain
    if found:
        became = "" if after is None else f": {before:.1f} dB with all in integers became {after:.1f}"
        tell(f"channels of {len(kept)} of {len(found)} values balanced against weights (SmoothQuant){became}"
             + (", left" if kept and trials.seen is plain else ""))


def factors_of(readers: Sequence[Layer], channels: Channels | None, reduced: bool) -> np.ndarray | None:
    """Return by what the channels of a value are divided; None where nothing is expected of it, or its channels are not known."""
    matrices = [layer.matrix()[0] for layer in readers]
    if channels is None or any(m.shape[1] != channels.power.size for m in matrices):
        return None
    return balanced(channels, matrices, REDUCED if reduced else FULL)


def divided(seen: Seen, factors: Mapping[str, np.ndarray], channels: Mapping[str, Channels]) -> Seen:
    """Return what is known, with values balanced."""
    return seen._replace(balance=factors, divided={value: ends(channels[value], by) for value, by in factors.items()})


def ends(channels: Channels, factors: np.ndarray) -> tuple[float, float]:
    """Return the range of a value whose channels are divided by factors."""
    return float((channels.low / factors).min()), float((channels.high / factors).max())
