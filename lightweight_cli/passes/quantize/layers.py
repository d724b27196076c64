"""Weight after weight in the order of use, each for what it sees of the model compressed so far; without data, see without_data."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from lightweight_cli.calibration import prior
from lightweight_cli.calibration.statistics import Statistics
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.numerics.moments import Moments
from lightweight_cli.passes.quantize import without_data
from lightweight_cli.passes.quantize.form import Form
from lightweight_cli.passes.quantize.judging import Judge
from lightweight_cli.passes.quantize.result import DATA, LATE, MIX, NEAREST, PRIOR, WORSE, Result
from lightweight_cli.passes.quantize.second_order import fits, solved
from lightweight_cli.pipeline.context import Context
from lightweight_cli.pipeline.step_report import Calibrated
from lightweight_cli.weights.matrix import NoMatrix, matrix_of
from lightweight_cli.weights.shift import moved
from lightweight_cli.weights.view import View
from lightweight_cli.weights.weight import Weight

TABLES = ("Gather", "EmbedLayerNormalization")
"""Operators that look rows up: nothing is multiplied, so there is no second order."""

Rounded = Callable[[Weight], "Coded"]
"""A weight rounded to nearest. Raises: ValueError where no grid fits."""


class Layers:
    """The weights that a step quantizes, one by one."""

    def __init__(self, context: Context, forms: dict[int, Form], nearest: Rounded, time_limit: float | None = None) -> None:
        """`forms`: for the ids of weights that second-order rounding is asked for; all others are rounded by `nearest`.

        `time_limit`: seconds after which what is left is rounded to nearest.
        """
        self.context, self.forms, self.nearest = context, forms, nearest
        self.each = 0
        """Elements that a layer counts for in the progress beside its own: small ones take their time too."""
        self.until = None if time_limit is None else time.monotonic() + time_limit

    def coded(self, weights: Sequence[Weight]) -> dict[int, Result | str]:
        """Return the codes of every weight, by its id, or why there are none."""
        step, calibration = self.context.step, self.context.calibration(held_out=True)
        if calibration is None:
            return without_data.coded(self.context, weights, self._one)
        self.each = sum(w.size for w in weights) // max(1, len(weights))
        step.expect(sum(w.size + self.each for w in weights), "calibrating")
        found: dict[int, Result | str] = {}
        with calibration.study(self.context.model, weights) as study:
            step.calibrated = Calibrated(study.samples, study.of, calibration.portion.role == "calibrate")
            for layer in study.walk():
                found[id(layer.weight)] = new = self._one(layer.weight, layer.statistics)
                if isinstance(new, Result):
                    layer.replace(new.coded.decode(), None if new.shift is None else moved(layer.weight, new.shift))
                if self._late():
                    break
        for weight in weights:
            if id(weight) not in found:
                found[id(weight)] = self._one(weight, None)
        return found

    def _late(self) -> bool:
        return self.until is not None and time.monotonic() > self.until

    def _one(self, weight: Weight, seen: Statistics | None, way: str = "") -> Result | str:
        """Return the codes of one weight, or why there are none; `way`: to go about it without data."""
        try:
            return self._best(weight, seen, way)
        except ValueError as e:
            return str(e)
        finally:
            weight.forget()
            if way != NEAREST:  # made in no time, to compare with
                self.context.step.advance(weight.size + self.each)

    def _best(self, weight: Weight, seen: Statistics | None, way: str) -> Result:
        """Return the better of second-order and plain rounding. Raises: ValueError where no grid fits."""
        form, view = self.forms.get(id(weight)), self._view(weight)
        moments = seen.moments if seen is not None else None
        method = PRIOR if moments is None else MIX if way else DATA
        if form is None or view is None or way == NEAREST or self._late():
            late = form is not None and view is not None and way != NEAREST
            result = Result(self.nearest(weight), LATE if late else NEAREST)
            return result if view is None or seen is None else Judge(weight, view, seen).best(result)
        if method == MIX and moments is not None:
            moments = prior.mixed_with(moments, weight, view)
        moments = prior.moments_of(weight, view) if moments is None else moments
        if moments is None:
            return Result(self.nearest(weight), NEAREST)
        if method != DATA or seen is None:
            return self._solved(weight, view, moments, form, method, False)
        return self._on_data(weight, view, Judge(weight, view, seen), form)

    def _on_data(self, weight: Weight, view: View, judge: Judge, form: Form) -> Result:
        """Return second-order rounding on data where it is better on held-out rows, then of all rows; else plain rounding."""
        assert judge.moments is not None
        found = self._solved(weight, view, judge.moments, form, DATA, judge.free)
        if judge.held is None or found.method != DATA:
            return judge.best(found)
        plain = Result(self.nearest(weight), WORSE)
        best = judge.best(*(judge.corrected(r) for r in ((found, plain) if judge.free else (found,))), plain)
        if best.method != DATA:
            return best
        every = judge.everything()
        found = self._solved(weight, view, every, form, DATA, judge.free)
        return judge.corrected(found._replace(error=best.error), every)

    def _solved(self, weight: Weight, view: View, moments: Moments, form: Form, method: str, centre: bool) -> Result:
        try:
            return Result(solved(self.context.model, weight, view, moments, form, method == DATA, centre), method)
        except ValueError:  # moments or values that no solver can use; nearest says so where it can't either
            return Result(self.nearest(weight), NEAREST)

    @staticmethod
    def _view(weight: Weight) -> View | None:
        try:
            view = matrix_of(weight)
        except NoMatrix:
            return None
        return view if fits(view) and all(r.op not in TABLES for r in weight.roles) else None
