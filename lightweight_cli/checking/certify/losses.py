"""What outputs lose, and nothing else of them: for many trials on the same rows, of which the original's scores are worked out once."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from lightweight_cli.checking.certify.held import Held
from lightweight_cli.data.spool import IN_MEMORY, Spool

LARGEST = 1e15
"""Scores up to which squares are added in float32, row by row: half the time, and a relative error of 1e-5 at most."""


class Losses:
    """The original's scores of held rows. `of` says the same as `certify` does of the worst output."""

    def __init__(self, held: Held, memory: int = IN_MEMORY) -> None:
        self.held, self.kinds = held, held.evidence()
        self.scores = Spool(memory)
        """Of each batch, by output."""
        self.signal = dict.fromkeys(self.kinds, 0.0)
        for samples, outputs in held:
            found = {n: kind.scores(v) for n, v in held.by_row(samples, outputs).items() if (kind := self.kinds.get(n)) and _is_float(v)}
            for name, old in found.items():
                self.signal[name] += _squares(np.where(np.isfinite(old), old, 0))
            self.scores.append(found)

    def of(self, outputs: Iterable[list[Any]]) -> float:
        """Return the squared error of the worst output, of scores before the softmax, over its power, for every batch's outputs.

        inf: it is no number any more, or of another shape.
        """
        noise = self._noise(outputs)
        if noise is None:
            return math.inf
        worst = max((n / self.signal[name] if n and self.signal[name] else math.inf if n else 0.0 for name, n in noise.items()),
                    default=math.inf)
        return math.inf if math.isnan(worst) or math.isnan(sum(noise.values())) else worst

    def _noise(self, outputs: Iterable[list[Any]]) -> dict[str, float] | None:
        """Return the squared error of each output; None for outputs of another shape."""
        found = dict.fromkeys(self.signal, 0.0)
        for samples, kept, new in zip(self.held.samples, self.scores, outputs, strict=True):
            after = self.held.by_row(samples, new)
            for name, old in kept.items():
                value = self.kinds[name].scores(after[name]) if name in after else None
                if value is None or value.shape != old.shape:
                    return None
                finite = np.isfinite(old)
                difference = np.subtract(value, old, out=value) if finite.all() else np.subtract(
                    value, old, out=np.zeros_like(value), where=finite)
                found[name] += _squares(difference)
        return found

    def close(self) -> None:
        """Let go of the scores."""
        self.scores.close()


def decibels(loss: float) -> float:
    """Return a loss in dB; inf for none at all, -inf where nothing is left."""
    return math.inf if loss == 0 else -10 * math.log10(loss) if math.isfinite(loss) else -math.inf


def _is_float(values: np.ndarray) -> bool:
    return values.dtype.kind == "f"


def _squares(values: np.ndarray) -> float:
    """Return the sum of squares, in float64 where float32 would not do."""
    rows = values.reshape(len(values), -1)
    if rows.dtype != np.float32 or not np.abs(rows).max(initial=0.0) < LARGEST:
        rows = rows.astype(np.float64)
    return float(np.einsum("ij,ij->i", rows, rows).sum(dtype=np.float64))
