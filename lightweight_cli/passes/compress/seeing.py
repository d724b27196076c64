"""What layers are taken to see: the data; on synthetic inputs, which may be of the wrong kind, those mixed with a prior."""

from __future__ import annotations

from lightweight_cli.calibration import prior
from lightweight_cli.calibration.statistics import Statistics
from lightweight_cli.data.portion import Portion
from lightweight_cli.search.build import Seen
from lightweight_cli.search.layer import Layer


def seen_on(portion: Portion) -> Seen:
    """Return how the statistics of a portion are to be taken."""
    return _as_it_is if portion.paths else _mixed


def _as_it_is(layer: Layer, seen: Statistics | None) -> Statistics | None:
    return seen


def _mixed(layer: Layer, seen: Statistics | None) -> Statistics | None:
    if layer.looked_up:
        return seen
    if seen is None or seen.moments is None:
        known = prior.moments_of(layer.weight, layer.view)
        return None if known is None else Statistics(known)
    return seen._replace(moments=prior.mixed_with(seen.moments, layer.weight, layer.view))
