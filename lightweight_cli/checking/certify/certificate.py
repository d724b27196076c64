"""What rows show of one candidate."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lightweight_cli.checking.accuracy import MetricDrop


@dataclass(frozen=True)
class Certificate:
    """The verdict on one candidate, and the figures it rests on."""

    holds: bool
    estimate: float | None
    """The drop: of the metric as it was found, without labels as it is to be expected. None: nothing shows it."""
    bound: float | None
    """The drop is at most this, with 95 % confidence."""
    floor: float | None
    """dB that had to be held instead of the drop; None: the rows show the drop."""
    sentence: str
    """The figures in words, and whether they hold."""
    figures: str = ""
    """The figures alone."""
    sqnr: float | None = None
    """dB of the worst output, of scores before the softmax; inf: no value differs. None: no output has values to compare."""
    plain_sqnr: float | None = None
    """dB of the worst output as the model gives it, as --min-sqnr means it."""
    least: float | None = None
    """The drop is at least this, with 95 % confidence."""
    rows: int = 0
    metric: MetricDrop | None = None
    """With labels: the metric of both models."""

    @property
    def loss(self) -> float:
        """Squared error of the worst output over its power: what a search ranks candidates by."""
        return math.nan if self.sqnr is None else 10 ** (-self.sqnr / 10)
