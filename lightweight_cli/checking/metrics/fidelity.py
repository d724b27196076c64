"""How far a candidate's outputs are from the reference's, without labels: streamed over batches."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from lightweight_cli.checking.accuracy import OutputFidelity
from lightweight_cli.checking.metrics.agreement import Agreement
from lightweight_cli.checking.metrics.cosine import Cosine
from lightweight_cli.checking.metrics.max_error import MaxError
from lightweight_cli.checking.metrics.sqnr import Sqnr

TILE = 1 << 20
"""Elements widened to float64 at a time: 8 MiB each."""


@dataclass
class Fidelity:
    """Running figures of one output; memory is constant."""

    name: str
    type: str
    max_error: MaxError = field(default_factory=MaxError)
    sqnr: Sqnr = field(default_factory=Sqnr)
    cosine: Cosine = field(default_factory=Cosine)
    agreement: Agreement = field(default_factory=Agreement)
    note: str | None = None
    count: int = 0
    finite: int = 0
    strayed: int = 0

    def update(self, reference: np.ndarray, candidate: np.ndarray) -> None:
        """Add one pair of arrays of equal shape and dtype; non-finite reference values are left out."""
        self.agreement.update(reference, candidate)
        if not measurable(reference.dtype):
            return
        x, y = reference.reshape(-1), candidate.reshape(-1)
        for at in range(0, x.size, TILE):
            a, b = x[at : at + TILE].astype(np.float64), y[at : at + TILE].astype(np.float64)
            finite = np.isfinite(a)
            self.count += a.size
            self.finite += int(finite.sum())
            if not finite.all():
                odd, other = a[~finite], b[~finite]
                self.strayed += int(np.count_nonzero((odd != other) & ~(np.isnan(odd) & np.isnan(other))))
                a, b = a[finite], b[finite]
            with np.errstate(over="ignore", invalid="ignore"):
                for figure in (self.max_error, self.sqnr, self.cosine):
                    figure.update(a, b)

    def result(self) -> OutputFidelity:
        """Return the figures; only the note when values could not be compared."""
        if self.note:
            return OutputFidelity(self.name, self.type, note=self.note)
        return OutputFidelity(self.name, self.type, _known(self.max_error.value()), _known(self.sqnr.value()),
                              _known(self.cosine.value()), self.agreement.value(),
                              self.finite / self.count if self.count else None, self.strayed)


def _known(value: float | None) -> float | None:
    """Return None for a figure that overflowed float64."""
    return None if value is None or math.isnan(value) else value


def measurable(dtype: np.dtype) -> bool:
    """Whether values of `dtype` have a distance worth a figure: floats, not class numbers or text."""
    return np.issubdtype(dtype, np.floating)
