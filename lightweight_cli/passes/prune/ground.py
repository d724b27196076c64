"""On what the weights that stay make up for those that go: calibration data, synthetic inputs, or nothing. It is decided once."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from lightweight_cli.passes.prune.layer import Way
from lightweight_cli.weights.weight import Weight

if TYPE_CHECKING:
    from lightweight_cli.calibration.calibration import Calibration
    from lightweight_cli.pipeline.context import Context

FELT = 0.2
"""Share of the weights from which on it is worth a run of the model: below, those that go are so small that outputs hardly change."""
MOST = 512 << 20
"""Bytes of weights up to which the model is run for it; larger ones go through in the memory of one chunk."""


class Ground:
    """What a step may run the model on, for the weights that may change."""

    def __init__(self, context: Context, way: Way, weights: Sequence[Weight]) -> None:
        self.way, self.weights = way, weights
        self.calibration: Calibration | None = context.calibration(held_out=True) if way.sees else None
        """The user's data."""
        self.synthetic: Calibration | None = context.synthetic() if way.recover and self._pays() else None
        """Synthetic inputs to recover on; None: there are data, the model is not to be run, or it would not pay."""

    def _pays(self) -> bool:
        """Whether synthetic inputs are worth a run of the model; what a soft threshold leaves is what was asked for."""
        size = sum(w.size * w.numpy.itemsize for w in self.weights)
        return self.calibration is None and self.way.goal.l1 is None and 0 < size <= MOST and self.gone >= FELT

    @cached_property
    def gone(self) -> float:
        """The share of all weights that become zero; those with NaN stay."""
        goal = self.way.goal
        if goal.sparsity is not None:
            return goal.sparsity
        count = 0
        for weight in self.weights:
            with contextlib.suppress(ValueError):  # NaN: it is left alone, and the report says so
                count += goal.count(weight.read(0, weight.size))
            weight.forget()
        return count / max(1, sum(w.size for w in self.weights))
