"""Figures for each kind of synthetic inputs, streamed over their batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lightweight_cli.checking.kinds import PLAIN, KindFidelity
from lightweight_cli.checking.metrics.centred import Centred
from lightweight_cli.checking.metrics.fidelity import measurable
from lightweight_cli.data.arrays import arrays
from lightweight_cli.data.batches import Batch


class ByKind:
    """The outputs of both models, kind by kind."""

    def __init__(self) -> None:
        self.outputs: dict[str, dict[int, Centred]] = {}
        self.samples: dict[str, int] = {}

    def add(self, batch: Batch, expected: Sequence[Any], got: Sequence[Any]) -> None:
        """Add one batch; outputs that are no floats, not finite or of other shapes are left out."""
        kind = batch.kind or PLAIN
        self.samples[kind] = self.samples.get(kind, 0) + batch.samples
        mine = self.outputs.setdefault(kind, {})
        for number, (old, new) in enumerate(zip(expected, got, strict=True)):
            for a, b in zip(arrays(old), arrays(new), strict=False):
                if a.shape == b.shape and measurable(a.dtype) and np.isfinite(a).all() and np.isfinite(b).all():
                    with np.errstate(over="ignore", invalid="ignore"):
                        mine.setdefault(number, Centred()).update(a, b)

    def results(self) -> tuple[KindFidelity, ...]:
        """Return the figures of each kind, in the order in which they came."""
        return tuple(self._kind(kind, list(outputs.values())) for kind, outputs in self.outputs.items())

    def _kind(self, kind: str, outputs: list[Centred]) -> KindFidelity:
        whole = min((v for o in outputs if (v := o.all.value()) is not None), default=None)
        worst = min((o for o in outputs if o.value() is not None), key=lambda o: o.value() or 0.0, default=None)
        return KindFidelity(kind, self.samples[kind], whole, worst.value() if worst else None, worst.varying if worst else None)
