"""Weight after weight in the order of use, each for what it sees of the model compressed so far; without data, for a prior."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from lightweight_cli.calibration.statistics import Statistics
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.numerics.held_out import HeldOut, relative_errors
from lightweight_cli.passes.quantize import prior
from lightweight_cli.passes.quantize.form import Form
from lightweight_cli.passes.quantize.second_order import fits, matrix_as, solved
from lightweight_cli.pipeline.context import Context
from lightweight_cli.pipeline.step_report import Calibrated
from lightweight_cli.weights.matrix import NoMatrix, matrix_of
from lightweight_cli.weights.view import View
from lightweight_cli.weights.weight import Weight

DATA, PRIOR, NEAREST = "second order on data", "second order on a prior", "nearest"
"""How a weight got its codes, as the report says it."""
WORSE = "nearest: second order was no better on held-out rows"
LATE = "nearest: the time was over"
TABLES = ("Gather", "EmbedLayerNormalization")
"""Operators that look rows up: nothing is multiplied, so there is no second order."""

Rounded = Callable[[Weight], "Coded"]
"""A weight rounded to nearest. Raises: ValueError where no grid fits."""


class Result(NamedTuple):
    """A weight's codes, and how they were chosen."""

    coded: Coded
    method: str
    error: float | None = None
    """Of the layer's outputs on held-out rows, relative to their power; None: there are no such rows."""


class Layers:
    """The weights that a step quantizes, one by one."""

    def __init__(self, context: Context, forms: dict[int, Form], nearest: Rounded, time_limit: float | None = None) -> None:
        """`forms`: for the ids of weights that second-order rounding is asked for; all others are rounded by `nearest`.

        `time_limit`: seconds after which what is left is rounded to nearest.
        """
        self.context, self.forms, self.nearest = context, forms, nearest
        self.until = None if time_limit is None else time.monotonic() + time_limit

    def coded(self, weights: Sequence[Weight]) -> dict[int, Result | str]:
        """Return the codes of every weight, by its id, or why there are none."""
        step, calibration = self.context.step, self.context.calibration(held_out=True)
        step.expect(sum(w.size for w in weights), "calibrating" if calibration is not None else "rounding")
        found: dict[int, Result | str] = {}
        if calibration is not None:
            with calibration.study(self.context.model, weights) as study:
                step.calibrated = Calibrated(study.samples, study.of, calibration.portion.role == "calibrate")
                for layer in study.walk():
                    found[id(layer.weight)] = new = self._one(layer.weight, layer.statistics)
                    if isinstance(new, Result):
                        layer.replace(new.coded.decode())
                    if self._late():
                        break
        for weight in weights:
            if id(weight) not in found:
                found[id(weight)] = self._one(weight, None)
        return found

    def _late(self) -> bool:
        return self.until is not None and time.monotonic() > self.until

    def _one(self, weight: Weight, seen: Statistics | None) -> Result | str:
        """Return the codes of one weight, or why there are none."""
        try:
            return self._best(weight, seen)
        except ValueError as e:
            return str(e)
        finally:
            weight.forget()
            self.context.step.advance(weight.size)

    def _best(self, weight: Weight, seen: Statistics | None) -> Result:
        """Return the better of second-order and plain rounding. Raises: ValueError where no grid fits."""
        form, view = self.forms.get(id(weight)), self._view(weight)
        held = seen.held if seen is not None else None
        real = seen is not None and seen.moments is not None
        if form is None or view is None or self._late():
            late = form is not None and view is not None
            return self._judged(weight, view, held, Result(self.nearest(weight), LATE if late else NEAREST))
        moments = seen.moments if seen is not None and real else prior.moments_of(weight, view)
        if moments is None:
            return Result(self.nearest(weight), NEAREST)
        try:
            coded = solved(self.context.model, weight, view, moments, form, real)
        except ValueError:  # moments or values that no solver can use; nearest says so where it can't either
            return self._judged(weight, view, held, Result(self.nearest(weight), NEAREST))
        if held is None:
            return Result(coded, DATA if real else PRIOR)
        return self._judged(weight, view, held, Result(coded, DATA), Result(self.nearest(weight), WORSE))

    @staticmethod
    def _judged(weight: Weight, view: View | None, held: HeldOut | None, *results: Result) -> Result:
        """Return the result of least error on held-out rows, the last where nothing can be told."""
        if view is None or held is None:
            return results[-1]
        matrices = [matrix_as(view, r.coded.decode().reshape(weight.shape)) for r in results]
        errors = relative_errors(matrix_as(view, weight.read(0, weight.size).reshape(weight.shape)), matrices, held)
        best = len(results) - 1
        for i, error in enumerate(errors):
            best = i if error < errors[best] else best
        return results[best]._replace(error=errors[best] if np.isfinite(errors[best]) else None)

    @staticmethod
    def _view(weight: Weight) -> View | None:
        try:
            view = matrix_of(weight)
        except NoMatrix:
            return None
        return view if fits(view) and all(r.op not in TABLES for r in weight.roles) else None
