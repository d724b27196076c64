"""Weight after weight in the order of use: which become zero for what the layer sees, and what the others become."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightweight_cli.calibration.statistics import Statistics
from lightweight_cli.numerics import parts, sparsify
from lightweight_cli.numerics.held_out import relative_errors
from lightweight_cli.numerics.moments import Moments
from lightweight_cli.passes.prune import allotment
from lightweight_cli.passes.prune.goal import Goal, shrunk
from lightweight_cli.passes.prune.pattern import Pattern
from lightweight_cli.pipeline.step_report import Calibrated
from lightweight_cli.weights.matrix import NoMatrix, matrix_of
from lightweight_cli.weights.view import View
from lightweight_cli.weights.weight import Weight

if TYPE_CHECKING:
    from lightweight_cli.calibration.calibration import Calibration
    from lightweight_cli.pipeline.context import Context

RECOVERED, ZEROED = "recovered by least squares", "zeroed"
NO_BETTER = "zeroed: recovery was no better on held-out rows"
UNSEEN = "zeroed by magnitude: nothing is known of its inputs"
STORED = "zeroed: the others keep their codes"
"""What became of a weight, as the report says it."""


class Sparse(NamedTuple):
    """New values of a weight, in its shape and type."""

    values: np.ndarray
    method: str
    error: float | None = None
    """Of the layer's outputs on held-out rows, relative to their power."""


class Way(NamedTuple):
    """How weights are chosen, and what becomes of the others."""

    goal: Goal
    pattern: Pattern
    criterion: str
    scope: str
    rounds: int
    recover: bool


class Layers:
    """The weights that a step prunes, one by one."""

    def __init__(self, context: Context, way: Way) -> None:
        self.context, self.way = context, way
        self.counts: dict[int, int] = {}
        """Zeros of each weight, by its id, where tensors share them out."""

    def sparse(self, weights: Sequence[Weight]) -> dict[int, Sparse | str]:
        """Return the values of every weight, by its id, or why there are none. Raises: InputError for data that do not fit."""
        step, way, found = self.context.step, self.way, dict[int, Sparse | str]()
        calibration = self.context.calibration(held_out=True) if way.recover or way.criterion in ("wanda", "obs") else None
        if way.scope == "lamp":
            self._share_out(weights, [(w, allotment.lamp(w.read(0, w.size))) for w in weights])
        step.expect(sum(w.size for w in weights), "calibrating" if calibration is not None else "choosing")
        if calibration is not None:
            found = self._walked(calibration, weights)
        for weight in weights:
            if id(weight) not in found:
                found[id(weight)] = self._one(weight, None)
        return found

    def _walked(self, calibration: Calibration, weights: Sequence[Weight]) -> dict[int, Sparse | str]:
        found: dict[int, Sparse | str] = {}
        with calibration.study(self.context.model, weights) as study:
            self.context.step.calibrated = Calibrated(study.samples, study.of, calibration.portion.role == "calibrate")
            if self.way.scope == "sensitivity":
                self._share_out(weights, [(layer.weight, self._bins(layer.weight, layer.statistics)) for layer in study.statistics()])
            for layer in study.walk():
                found[id(layer.weight)] = new = self._one(layer.weight, layer.statistics)
                if isinstance(new, Sparse):
                    layer.replace(new.values)
        return found

    def _bins(self, weight: Weight, seen: Statistics | None) -> np.ndarray:
        """Return the scores of a weight in bins; of one that nothing is known of, those that LAMP gives."""
        view = _view(weight)
        values = weight.read(0, weight.size).reshape(weight.shape)
        if view is None or seen is None or seen.moments is None:
            return allotment.lamp(values)
        return allotment.sensitivity(_as_moments(view.of(values), seen.moments), seen.moments)

    def _share_out(self, weights: Sequence[Weight], bins: list[tuple[Weight, np.ndarray]]) -> None:
        total = round((self.way.goal.sparsity or 0) * sum(w.size for w in weights))
        counts = allotment.allot([b for _, b in bins], total)
        self.counts = {id(w): min(n, w.size) for (w, _), n in zip(bins, counts, strict=True)}

    def _one(self, weight: Weight, seen: Statistics | None) -> Sparse | str:
        try:
            return self._pruned(weight, seen)
        except ValueError as e:
            return f"can't be pruned: {e}"
        finally:
            weight.forget()
            self.context.step.advance(weight.size)

    def _pruned(self, weight: Weight, seen: Statistics | None) -> Sparse | str:
        """Return the better of zeroed and recovered values. Raises: ValueError for NaN."""
        way, values = self.way, weight.read(0, weight.size).reshape(weight.shape)
        if np.isnan(values).any():
            raise ValueError("it has NaN")
        view = _view(weight)
        if view is None and way.pattern.kind:
            return "its inputs are no axis that a pattern could lie along"
        moments = seen.moments if seen is not None else None
        matrix = view.of(values) if view is not None else values.reshape(1, 1, -1)
        count = self.counts.get(id(weight))
        count = way.goal.count(values) if count is None else count

        def back(new: np.ndarray) -> np.ndarray:
            seen_as = new.astype(values.dtype)
            return view.back(seen_as) if view is not None else seen_as.reshape(weight.shape)

        def choose(scores: np.ndarray, part: float) -> np.ndarray:
            padding = scores.size - values.size  # of parts, all zeros, which go first
            return way.pattern.choose(scores, count + padding, part)

        if moments is None or view is None:
            missed = way.criterion in ("wanda", "obs") or (way.recover and seen is not None)
            mask = choose(sparsify.scores(way.criterion, matrix), 1.0)
            return Sparse(back(np.where(mask, 0, self._regular(matrix))), UNSEEN if missed else ZEROED)
        wide = len(moments.S) != len(matrix)
        cut = parts.split(matrix) if wide else matrix
        fitted, mask = sparsify.sparsified(np.ascontiguousarray(cut, np.float64), moments, way.criterion, choose, way.rounds)
        if wide:
            fitted, mask = (parts.merge(x, matrix.shape[2]) for x in (fitted, mask))
        zeroed = np.where(mask, 0, self._regular(matrix))
        held = seen.held if seen is not None else None
        errors = [float("nan")] * 2 if held is None else relative_errors(matrix.astype(np.float32), [
            zeroed.astype(np.float32), fitted.astype(np.float32)], held)
        told = [e if np.isfinite(e) else None for e in errors]
        if not way.recover or weight.encoded:
            return Sparse(back(zeroed), STORED if way.recover else ZEROED, told[0])
        if held is not None and not errors[1] < errors[0]:
            return Sparse(back(zeroed), NO_BETTER, told[0])
        return Sparse(back(fitted), RECOVERED, told[1])

    def _regular(self, matrix: np.ndarray) -> np.ndarray:
        return matrix if self.way.goal.l1 is None else shrunk(matrix, self.way.goal.l1)


def _view(weight: Weight) -> View | None:
    try:
        return matrix_of(weight)
    except NoMatrix:
        return None


def _as_moments(matrix: np.ndarray, moments: Moments) -> np.ndarray:
    """Return a matrix cut as the moments of its inputs are."""
    return parts.split(matrix) if len(moments.S) != len(matrix) else matrix
