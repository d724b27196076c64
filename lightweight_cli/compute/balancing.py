"""Which values are balanced against the weights that read them, before layers round them: kept where the outputs are nearer."""

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

WORTH = 1.0, 0.7
"""Of the expected error of a value's products at most may be left, for it to be balanced. Both are tried: in MiniLM a value of which 4 %
was expected brought 4 dB of the outputs, and ends of few rows promise .8 by chance."""
NEARER = 1.5
"""dB that the outputs must gain: dividing takes time on every run, and the rows that tell have been seen."""

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
            tell: Callable[[str], None]) -> None:
    """Let layers read balanced values, if that brings the outputs nearer with all of them in the `forms` that they may have."""
    top = REDUCED if trials.reduced else FULL
    seen, tried = trials.seen, list[tuple[float, Seen, int]]()
    before = trials.run(forms, latency=False).sqnr
    if before is None or before >= ENOUGH:
        return
    factors: dict[float, dict[str, np.ndarray]] = {worth: {} for worth in WORTH}
    for value, readers in inputs_of(layers).items():
        some = [layer.matrix()[0] for layer in readers]
        if value not in channels or any(m.shape[1] != channels[value].power.size for m in some):
            continue
        for worth in WORTH:
            scale = balanced(channels[value], some, top, worth)
            if scale is not None:
                factors[worth][value] = scale
    for found in factors.values():
        if not found or (tried and len(found) == tried[-1][2]):
            continue
        trials.seen = seen._replace(balance=found, divided={value: ends(channels[value], by) for value, by in found.items()})
        sqnr = trials.run(forms, latency=False).sqnr
        tried.append((float("-inf") if sqnr is None else sqnr, trials.seen, len(found)))
    trials.seen = seen
    if not tried:
        return
    best = max(tried, key=lambda one: one[0])
    kept = best[0] > before + NEARER
    if kept:
        trials.seen = best[1]
    tell(f"channels of {best[2]} values balanced against weights (SmoothQuant): {before:.1f} dB with all MatMul in integers became "
         f"{best[0]:.1f}, {'kept' if kept else 'left'}")


def ends(channels: Channels, factors: np.ndarray) -> tuple[float, float]:
    """Return the range of a value whose channels are divided by factors."""
    return float((channels.low / factors).min()), float((channels.high / factors).max())
