"""One weight: which of its values become zero for what its layer sees, and what the others become."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightweight_cli.calibration.statistics import Statistics
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.numerics import parts, sparsify
from lightweight_cli.numerics.grid import Grid
from lightweight_cli.numerics.held_out import HeldOut, joined, relative_errors
from lightweight_cli.numerics.moments import Moments, bias_shift
from lightweight_cli.passes.prune.criteria import SEEING
from lightweight_cli.passes.prune.form import Free, form_of, of_parts
from lightweight_cli.passes.prune.goal import Goal, shrunk
from lightweight_cli.passes.prune.pattern import Pattern
from lightweight_cli.weights.matrix import NoMatrix, matrix_of
from lightweight_cli.weights.shift import carrier_of
from lightweight_cli.weights.view import View
from lightweight_cli.weights.weight import Weight

RECOVERED, ZEROED = "recovered by least squares", "zeroed"
NO_BETTER = "zeroed: recovery was no better on held-out rows"
UNSEEN = "zeroed by magnitude: nothing is known of its inputs"
"""What became of a weight, as the report says it."""


class Way(NamedTuple):
    """How weights are chosen, and whether the others make up for them."""

    goal: Goal
    pattern: Pattern
    criterion: str
    scope: str
    rounds: int
    recover: bool

    @property
    def sees(self) -> bool:
        """Whether it has a use for what layers see."""
        return self.recover or self.criterion in SEEING or self.scope == "sensitivity"


class Sparse(NamedTuple):
    """New values of a weight, in its shape and type."""

    values: np.ndarray
    method: str
    error: float | None = None
    """Of the layer's outputs on held-out rows, relative to their power."""
    shift: np.ndarray | None = None
    """What to add to its outputs, in the bias."""
    coded: Coded | None = None
    """The codes of the values, where those are new ones; None: they are floats, or the codes that were there and zeros."""


def pruned(weight: Weight, seen: Statistics | None, way: Way, count: int | None) -> Sparse | str:
    """Return the better of zeroed and recovered values, or why there are none; `count`: of zeros, where tensors share them out.

    Raises: ValueError for NaN, and moments that no solver can use.
    """
    values = weight.read(0, weight.size).reshape(weight.shape)
    if np.isnan(values).any():
        raise ValueError("it has NaN")
    view, moments = view_of(weight), seen.moments if seen is not None else None
    if view is None and way.pattern.kind:
        return "its inputs are no axis that a pattern could lie along"
    matrix = view.of(values) if view is not None else values.reshape(1, 1, -1)
    layer = _Layer(weight, view, matrix, way, way.goal.count(values) if count is None else count)
    if moments is None or view is None:
        missed = way.criterion in SEEING or (way.recover and seen is not None)
        return layer.zeroed(layer.choose(sparsify.scores(way.criterion, matrix), 1.0), UNSEEN if missed else ZEROED)
    return layer.on_data(moments, seen)


def view_of(weight: Weight) -> View | None:
    """Return how a weight is seen as a matrix; None where it can't be."""
    try:
        return matrix_of(weight)
    except NoMatrix:
        return None


class _Layer:
    def __init__(self, weight: Weight, view: View | None, matrix: np.ndarray, way: Way, count: int) -> None:
        self.weight, self.view, self.matrix, self.way, self.count = weight, view, matrix, way, count

    def choose(self, scores: np.ndarray, part: float) -> np.ndarray:
        padding = max(0, scores.size - self.matrix.size)  # of parts: all zeros, which go first
        return self.way.pattern.choose(scores, self.count + padding, part)

    def zeroed(self, mask: np.ndarray, method: str, error: float | None = None) -> Sparse:
        """Return the values as they are, with zeros under a mask."""
        return Sparse(self._back(self._zeroed(mask)), method, error)

    def on_data(self, moments: Moments, seen: Statistics | None) -> Sparse:
        """Return values recovered on all rows where such are better on held-out rows, when solved without them; else zeroed ones.

        Both have the mask that all rows chose: to choose and solve twice would take twice the time, and to choose by fewer rows loses
        .1 to .3 dB (fashion-resnet at 90 %).
        """
        held = seen.held if seen is not None else None
        free = held is not None and moments.C is not None and carrier_of(self.weight) is not None
        form = form_of(self.weight, self.view) if self.way.recover and self.weight.encoded and self.view is not None else Free()
        fitted, mask, shift = self._fitted(moments if held is None else joined(self.matrix, moments, held), free, form)
        if not self.way.recover:
            return self.zeroed(mask, ZEROED, None if held is None else self._errors(held, (self._zeroed(mask), None))[0])
        if held is None:
            return self._recovered(fitted, form)
        plain, ours = self._errors(held, (self._zeroed(mask), None), self._refitted(moments, mask, free, form))
        if not ours < plain:
            return self.zeroed(mask, NO_BETTER, plain if np.isfinite(plain) else None)
        return self._recovered(fitted, form, ours, None if shift is None else shift.reshape(-1))

    def _recovered(self, fitted: np.ndarray, form: Free, error: float | None = None, shift: np.ndarray | None = None) -> Sparse:
        values, coded = form.back(self._back(fitted))
        return Sparse(values, RECOVERED, error, shift, coded)

    def _fitted(self, moments: Moments, free: bool, form: Free) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Return values and mask [G, out, d], and what to add to the outputs [G, out]."""
        way, every = self.way, self.way.pattern.m if self.way.pattern.kind == ":" else 0
        matrix, grid = self._cut(self.matrix, moments).astype(np.float64), self._grid(form, moments)
        fitted, mask = sparsify.sparsified(matrix, moments, way.criterion, self.choose, way.rounds, every, free, grid)
        return self._whole(fitted), self._whole(mask), self._shift(matrix, fitted, moments) if free else None

    def _refitted(self, moments: Moments, mask: np.ndarray, free: bool, form: Free) -> tuple[np.ndarray, np.ndarray | None]:
        """Return values for other moments under a mask, and what to add to the outputs."""
        matrix, mask = self._cut(self.matrix, moments).astype(np.float64), self._cut(mask, moments)
        fitted = sparsify.refitted(matrix, moments, mask, free, self._grid(form, moments))
        return self._whole(fitted), self._shift(matrix, fitted, moments) if free else None

    def _cut(self, array: np.ndarray, moments: Moments) -> np.ndarray:
        """Return values of a wide layer in the parts that its moments have."""
        return np.ascontiguousarray(parts.split(array) if len(moments.S) != len(self.matrix) else array)

    def _whole(self, array: np.ndarray) -> np.ndarray:
        return array if len(array) == len(self.matrix) else parts.merge(array, self.matrix.shape[2])

    def _grid(self, form: Free, moments: Moments) -> Grid | None:
        return of_parts(form.grid) if form.grid is not None and len(moments.S) != len(self.matrix) else form.grid

    def _shift(self, matrix: np.ndarray, fitted: np.ndarray, moments: Moments) -> np.ndarray:
        shift = bias_shift(matrix, fitted, moments)
        return shift if len(shift) == len(self.matrix) else shift.sum(axis=0, keepdims=True)

    def _errors(self, held: HeldOut, *candidates: tuple[np.ndarray, np.ndarray | None]) -> list[float]:
        values, shifts = [c.astype(np.float32) for c, _ in candidates], [s for _, s in candidates]
        return relative_errors(self.matrix.astype(np.float32), values, held, shifts)

    def _zeroed(self, mask: np.ndarray) -> np.ndarray:
        amount = self.way.goal.l1
        return np.where(mask, self.matrix.dtype.type(0), self.matrix if amount is None else shrunk(self.matrix, amount))

    def _back(self, matrix: np.ndarray) -> np.ndarray:
        values = matrix.astype(self.weight.numpy)
        return self.view.back(values) if self.view is not None else values.reshape(self.weight.shape)
