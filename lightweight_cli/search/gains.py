"""How much an error of one layer counts at the end: the loss of the whole model with only that layer rounded, over its error.

One probe a layer, with the step it will about get. Sums of errors times gains rank joint assignments (correlation of logarithms .85
to .995 on three models); they are 2 to 5 times below the joint loss, so that a candidate is always measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lightweight_cli.calibration.statistics import Statistics
from lightweight_cli.search.examiner import Examiner
from lightweight_cli.search.items import PROBE
from lightweight_cli.search.layer import Layer
from lightweight_cli.search.overridable import key_of
from lightweight_cli.search.rounding import Rounded, rounded
from lightweight_cli.search.table import Choice, safest

LEAST = 0.02
"""Of the median: below, a gain is noise of the probe."""
LITTLE = 1e-12
"""An error or a loss that counts as none."""
TRIED = 4
"""Every so many steps of a table that looks rows up is tried in the whole: equal errors of its values differ 3 times in effect."""


class Explored(NamedTuple):
    """A layer's choices, and what its errors count."""

    layer: Layer
    choices: Sequence[Choice]
    gain: float
    """Loss of the whole over the layer's error; NaN: it could not be tried alone."""
    others: Sequence[Choice] = ()
    """What it becomes only where a size can't be had otherwise: the data show nothing of what that costs."""


def values_of(layer: Layer, new: Rounded) -> dict[str, np.ndarray]:
    """Return a layer's new values and its bias, by key."""
    found = {layer.key: new.values}
    if layer.bias is not None and new.bias is not None:
        found[key_of(layer.bias)] = new.bias
    return found


def explored(layer: Layer, choices: Sequence[Choice], seen: Statistics | None, examiner: Examiner) -> Explored:
    """Try a layer alone."""
    if layer.fixed:  # no candidate is measured with its values
        return unexplored(layer)
    if layer.looked_up:
        return _tried(layer, choices, examiner)
    if seen is not None and seen.moments is not None:
        seen = seen._replace(moments=seen.moments._replace(C=None, my=None))
    new = rounded(layer, PROBE[layer.menu], seen, sweeps=0)
    loss = examiner.probe(layer.key, values_of(layer, new))
    if loss == 0 < new.error:
        return unexplored(layer)._replace(others=choices)
    return Explored(layer, choices, loss / new.error if new.error else np.nan)


def unexplored(layer: Layer) -> Explored:
    """Return a layer of which nothing is known: there is no time to try it, or the data do not reach it. It keeps what loses nothing."""
    return Explored(layer, [safest(layer)], np.nan)


def _tried(layer: Layer, choices: Sequence[Choice], examiner: Examiner) -> Explored:
    """Try items of a table one by one: their errors are then losses, and the gain is 1; those between are interpolated."""
    tried = {c.error: examiner.probe(layer.key, values_of(layer, rounded(layer, c.item, None))) for c in choices[::TRIED]}
    if not any(tried.values()):
        return unexplored(layer)._replace(others=choices)
    errors = np.log(np.maximum(sorted(tried), LITTLE))
    losses = np.log(np.maximum([tried[error] for error in sorted(tried)], LITTLE))
    found = []
    for c in choices:
        x = np.log(max(c.error, LITTLE))
        beyond = x - np.clip(x, errors[0], errors[-1])  # losses grow as errors do, beyond those that were tried too
        found.append(c._replace(error=float(np.exp(np.interp(x, errors, losses) + beyond))))
    return Explored(layer, found, 1.0)


def weighed(found: Sequence[Explored]) -> list[Explored]:
    """Return the layers with gains that are known and not noise; where nothing was measured, a gain is the median."""
    known = [e.gain for e in found if np.isfinite(e.gain) and not e.layer.looked_up]
    middle = float(np.median(known)) if known else 1.0
    return [e._replace(gain=max(e.gain, LEAST * middle) if np.isfinite(e.gain) else middle) for e in found]

