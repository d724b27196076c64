"""One weight's candidates on rows that chose nothing, each with the bias that makes its mean output the original's."""

from __future__ import annotations

import numpy as np

from lightweight_cli.calibration.statistics import Statistics
from lightweight_cli.numerics import parts
from lightweight_cli.numerics.held_out import joined, relative_errors
from lightweight_cli.numerics.moments import Moments, bias_shift
from lightweight_cli.passes.quantize.result import Result
from lightweight_cli.passes.quantize.second_order import matrix_as
from lightweight_cli.weights.shift import carrier_of
from lightweight_cli.weights.view import View
from lightweight_cli.weights.weight import Weight


class Judge:
    """What is known of a weight's layer."""

    def __init__(self, weight: Weight, view: View, seen: Statistics) -> None:
        self.view, self.moments, self.held = view, seen.moments, seen.held
        self.shape = weight.shape
        self.matrix = matrix_as(view, weight.read(0, weight.size).reshape(weight.shape))
        sequential = self.moments is not None and self.moments.C is not None and self.held is not None
        self.free = sequential and carrier_of(weight) is not None
        """Whether the bias may change: it takes what the layer really sees, and rows to judge by."""

    def corrected(self, result: Result, moments: Moments | None = None) -> Result:
        """Return a result with its bias."""
        moments = moments or self.moments
        if not self.free or moments is None:
            return result
        matrix, decoded = self.matrix, self._decoded(result)
        if len(moments.S) > self.view.shape[0]:
            return result._replace(shift=bias_shift(parts.split(matrix), parts.split(decoded), moments).sum(0))
        return result._replace(shift=bias_shift(matrix, decoded, moments).reshape(-1))

    def best(self, *results: Result) -> Result:
        """Return the result of least error on held-out rows, the last where nothing can be told."""
        if self.held is None:
            return results[-1]
        shifts = [None if r.shift is None else r.shift.reshape(self.view.shape[:2]) for r in results]
        errors = relative_errors(self.matrix, [self._decoded(r) for r in results], self.held, shifts)
        best = len(results) - 1
        for i, error in enumerate(errors):
            best = i if error < errors[best] else best
        return results[best]._replace(error=errors[best] if np.isfinite(errors[best]) else None)

    def everything(self) -> Moments:
        """Return the moments of all rows, those that judged too."""
        assert self.moments is not None and self.held is not None
        return joined(self.matrix, self.moments, self.held)

    def _decoded(self, result: Result) -> np.ndarray:
        return matrix_as(self.view, result.coded.decode().reshape(self.shape))
