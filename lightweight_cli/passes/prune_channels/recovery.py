"""Layers make up for the channels that they lose: each is solved for the original's outputs from what reaches it now.

The walk runs the whole model, with zeros for what goes where layers read it, which is what the cut will be.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightweight_cli.numerics import fewer_inputs, parts
from lightweight_cli.numerics.held_out import HeldOut, relative_errors
from lightweight_cli.numerics.moments import Moments, centred
from lightweight_cli.passes.prune_channels.biases import Bias, bias_of
from lightweight_cli.passes.prune_channels.selected import Selected
from lightweight_cli.structure.cost import everything
from lightweight_cli.structure.cut import replace
from lightweight_cli.structure.trace import Kept, Layer, Trace
from lightweight_cli.weights.matrix import NoMatrix, matrix_of
from lightweight_cli.weights.view import View
from lightweight_cli.weights.weight import Weight

if TYPE_CHECKING:
    from lightweight_cli.calibration.statistics import Statistics
    from lightweight_cli.calibration.study import Layer as Seen

FRACTIONS = (0.1, 0.01, 0.001)
"""Ridges that held-out rows choose between; without such rows the first."""


class Refit(NamedTuple):
    """New values of a weight, in its shape, and of its bias."""

    values: np.ndarray
    beside: dict[str, np.ndarray]
    solved: bool = False
    """Whether they make up for what went; else they are as they were, with zeros."""
    errors: tuple[float, float] | None = None
    """Of the layer's outputs on held-out rows, as cut and as it is now; None: there are no such rows."""


class Recovery:
    """The layers of a model that is to be cut; `kept` is said once that is chosen."""

    def __init__(self, trace: Trace, selected: Selected) -> None:
        self.trace = trace
        self.kept: Kept = everything
        self.layers: dict[int, Layer] = {}
        self.weights: list[Weight] = []
        """Those that can be solved for; of one with several uses, all of which read it alike, for what they see together."""
        for weight in selected.weights:
            read = selected.layers(trace).get(id(weight), [])
            if 0 < len(read) == len(weight.roles) and weight.tensor is not None and not weight.locked and not excluded(selected, weight):
                self.layers[id(weight)] = read[0]
                self.weights.append(weight)

    def walk(self, seen: Iterable[Seen]) -> dict[int, Refit]:
        """Solve layer after layer. Returns: what becomes of each weight, by its id."""
        found: dict[int, Refit] = {}
        for at in seen:
            new = self.refit(at.weight, at.statistics)
            if new is not None:
                found[id(at.weight)] = new
                at.replace(new.values, new.beside)
            at.weight.forget()
        return found

    def cut_only(self) -> dict[int, Refit]:
        """Return the weights with zeros for what goes."""
        plain = ((weight, self.refit(weight, None)) for weight in self.weights)
        return {id(weight): new for weight, new in plain if new is not None}

    def refit(self, weight: Weight, seen: Statistics | None) -> Refit | None:
        """Return the better of the weight as cut and as solved, None where nothing changes."""
        values = weight.read(0, weight.size).reshape(weight.shape)
        alive = self.alive(weight)
        cut = np.where(alive, values, 0) if not alive.all() else values
        plain = None if cut is values else Refit(cut.astype(values.dtype), {})
        try:
            view = matrix_of(weight)
        except NoMatrix:
            return plain
        if seen is None or seen.moments is None:
            return plain
        problem = Problem(view, values, alive, bias_of(self.trace, self.layers[id(weight)]))
        if seen.moments.C is None and len(weight.roles) == 1:
            return plain
        moments = problem.of_original(seen.moments) if seen.moments.C is None else seen.moments
        return self._best(problem, moments, seen.held) or plain

    def alive(self, weight: Weight) -> np.ndarray:
        """Return which values of a weight stay."""
        stays = np.ones(weight.shape, bool)
        for k in range(len(weight.shape)):
            labels = self.trace.axis(weight.name, k)
            if labels is not None:
                stays &= self.kept(labels).reshape([-1 if i == k else 1 for i in range(len(weight.shape))])
        return stays

    def _best(self, problem: Problem, moments: Moments, held: HeldOut | None) -> Refit | None:
        candidates = []
        for fraction in FRACTIONS if held is not None else FRACTIONS[:1]:
            try:
                candidates.append(problem.solved(moments, fraction))
            except (ValueError, np.linalg.LinAlgError):
                continue
        candidates = [c for c in candidates if all(np.isfinite(part).all() for part in c)]
        if not candidates:
            return None
        if held is None:
            return problem.refit(self.trace, *candidates[0])
        errors = problem.errors([problem.plain, *candidates], held)
        best = int(np.nanargmin([e if e == e else np.inf for e in errors]))
        if best == 0:
            return None
        return problem.refit(self.trace, *candidates[best - 1])._replace(errors=(errors[0], errors[best]))


class Problem:
    """One weight as a matrix [groups, outputs, inputs] of which some inputs and outputs go."""

    def __init__(self, view: View, values: np.ndarray, alive: np.ndarray, bias: Bias | None) -> None:
        self.view, self.values, self.alive, self.bias = view, values, alive, bias
        self.matrix, stays = view.of(values).astype(np.float64), view.of(alive)
        self.inputs: np.ndarray = np.asarray(stays.any(1))
        self.outputs: np.ndarray = np.asarray(stays.any(2))
        zeros = np.zeros(self.matrix.shape[:2])
        self.plain = self.matrix * self.inputs[:, None], zeros

    def of_original(self, moments: Moments) -> Moments:
        """Return moments of what the original gives for the same rows: of a weight whose uses can't be told apart."""
        matrix = parts.split(self.matrix) if len(moments.S) != len(self.matrix) else self.matrix
        return moments._replace(C=matrix @ moments.S)

    def solved(self, moments: Moments, fraction: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the solution and what it adds to the bias. Raises: ValueError, LinAlgError."""
        split = len(self.matrix) == 1 and parts.width(self.matrix.shape[2]) != self.matrix.shape[2]
        matrix, inputs = self.matrix, self.inputs[:, None]
        if split:
            matrix, inputs = parts.split(matrix), parts.split(inputs)
        inputs = inputs[:, 0].astype(bool)
        given = centred(moments) if self.bias is not None else moments
        found = fewer_inputs.refitted(matrix, inputs, given, fraction)
        shift = np.zeros(found.shape[:2])
        if self.bias is not None and moments.mx is not None and moments.my is not None:
            shift = moments.my - (found @ moments.mx[:, :, None])[:, :, 0]
        if split:
            return parts.merge(found, self.matrix.shape[2]), shift.sum(0, keepdims=True)
        return found, shift

    def errors(self, candidates: list[tuple[np.ndarray, np.ndarray]], held: HeldOut) -> list[float]:
        """Return the errors of the outputs that stay, on held-out rows."""
        def with_ones(rows: np.ndarray) -> np.ndarray:
            return np.concatenate([rows, np.ones((*rows.shape[:2], 1), rows.dtype)], 2)

        def with_shift(matrix: np.ndarray, shift: np.ndarray) -> np.ndarray:
            return np.concatenate([matrix, shift[:, :, None]], 2) * self.outputs[:, :, None]

        rows = HeldOut(with_ones(held.rows), with_ones(held.rows if held.original is None else held.original))
        return relative_errors(with_shift(self.matrix, self.plain[1]), [with_shift(*c) for c in candidates], rows)

    def refit(self, trace: Trace, matrix: np.ndarray, shift: np.ndarray) -> Refit:
        """Return a solution as values of the weight, outputs that go as they were."""
        matrix = np.where(self.outputs[:, :, None], matrix, self.plain[0])
        values = np.where(self.alive, self.view.back(matrix), 0).astype(self.values.dtype)
        beside = {}
        if self.bias is not None:
            moved = np.where(self.outputs, shift, 0).reshape(-1)
            beside = {self.bias.name: self.bias.moved(trace, moved)}
        return Refit(values, beside, True)


def excluded(selected: Selected, weight: Weight) -> bool:
    """Whether the user wants a weight left alone."""
    return bool(selected.selection.reason(weight)) and not selected.selection.only


def put(trace: Trace, weight: Weight, new: Refit) -> None:
    """Give a weight and what goes with it new values."""
    assert weight.tensor is not None
    replace(trace, weight.tensor, new.values)
    for name, values in new.beside.items():
        tensor = trace.stored(name)
        assert tensor is not None
        replace(trace, tensor, values)
