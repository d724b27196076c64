"""Codes of layers in integers by second-order rounding, for inputs that are rounded as they will be; biases by what is left of the mean.

Each layer in the order of use, after those before it. A layer keeps the nearest codes where the others are no better on rows that were
kept aside; otherwise it is rounded once more by all rows.

Source: Frantar et al. 2022, arXiv:2210.17323; Nagel et al. 2019, arXiv:1906.04721, section 4.2 (biases).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from lightweight_cli.calibration.calibration import Calibration
from lightweight_cli.calibration.statistics import Statistics
from lightweight_cli.compute.emulated import FORMS, emulate
from lightweight_cli.compute.integers import CANDIDATES, FULL, REDUCED, TINY, Integers, integers
from lightweight_cli.compute.seen import Seen
from lightweight_cli.model.load import load
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.numerics import parts
from lightweight_cli.numerics.grid import Uniform
from lightweight_cli.numerics.held_out import joined, relative_errors
from lightweight_cli.numerics.moments import Moments, bias_shift
from lightweight_cli.numerics.solver import Method, solve
from lightweight_cli.weights.matrix import matrix_of
from lightweight_cli.weights.search import find_weights
from lightweight_cli.weights.shift import carrier_of, moved
from lightweight_cli.weights.weight import Key


class Fitted(NamedTuple):
    """A matrix [groups, outputs, inputs] as integers."""

    integers: Integers
    decoded: np.ndarray
    shift: np.ndarray | None = None
    """[groups, outputs] to add to the bias."""


def rounded(calibration: Calibration, path: str, decisions: Mapping[Key, str], reduced: bool, seen: Seen,
            tell: Callable[[int, int], None] = lambda done, whole: None) -> Seen:
    """Return what is known, with codes of the layers of a model for the forms that they are to have.

    Raises: InputError for data that do not fit.
    """
    model = load(path)
    emulate(model, decisions, seen)
    weights = [w for w in find_weights(model, Scopes(model.proto)) if decisions.get(w.key) in FORMS]
    codes, shifts = dict[Key, Integers](), dict[Key, np.ndarray]()
    with calibration.study(model, weights) as study:
        for done, layer in enumerate(study.walk()):
            tell(done, len(weights))
            weight, key = layer.weight, layer.weight.key
            if layer.statistics is None or layer.statistics.moments is None:
                continue
            view = matrix_of(weight)
            matrix = np.ascontiguousarray(view.of(weight.read(0, weight.size).reshape(weight.shape)), np.float32)
            found = fitted(matrix, layer.statistics, reduced, carrier_of(weight) is not None)
            weight.forget()
            codes[key] = found.integers
            if found.shift is not None:
                shifts[key] = found.shift.reshape(-1)
            layer.replace(view.back(found.decoded).astype(np.float32), None if found.shift is None else moved(weight, shifts[key]))
    return seen._replace(codes=codes, shifts=shifts)


def fitted(matrix: np.ndarray, seen: Statistics, reduced: bool, movable: bool) -> Fitted:
    """Return a matrix as the integers that serve best what it sees."""
    assert seen.moments is not None
    moments, held = seen.moments, seen.held
    free = movable and moments.C is not None and moments.mx is not None
    top = REDUCED if reduced else FULL
    plain = _fitted(integers(matrix.reshape(-1, matrix.shape[2]), reduced), matrix)
    try:
        best = _solved(matrix, moments, top, free)
        if held is not None:
            some = [best, *([_corrected(plain, matrix, moments)] if free else []), plain]
            errors = relative_errors(matrix, [f.decoded for f in some], held, [f.shift for f in some])
            first = int(np.nanargmin(errors)) if np.isfinite(errors).any() else len(some) - 1
            best = some[first]
            if first == 0:
                best = _solved(matrix, joined(matrix, moments, held), top, free)
    except ValueError:  # moments that no solver can use
        best = plain
    return best


def _solved(matrix: np.ndarray, moments: Moments, top: int, free: bool) -> Fitted:
    wide = len(moments.S) > len(matrix)
    whole = parts.split(matrix) if wide else matrix

    def lay(target: np.ndarray, importance: np.ndarray) -> Uniform:
        return Uniform(scales(target, importance, top, wide), -top, top)

    found = solve(whole, moments, lay, Method(centre=free))
    codes = parts.merge(found.codes, matrix.shape[2]) if wide else found.codes
    scale = np.broadcast_to(found.grid.scale, (*matrix.shape[:2], 1)).astype(np.float32)
    made = _fitted(Integers(codes.reshape(-1, matrix.shape[2]).astype(np.int8), scale.reshape(-1)), matrix)
    return _corrected(made, matrix, moments) if free else made


def scales(target: np.ndarray, importance: np.ndarray, top: int, shared: bool) -> np.ndarray:
    """Return a scale for each output of a target [groups, outputs, inputs], that of least error weighted by [groups, inputs].

    `shared`: by all groups, which are parts of one matrix.
    """
    over: tuple[int, ...] = (0, 2) if shared else (2,)
    largest = np.abs(target).max(over, keepdims=True)
    best, least = np.ones_like(largest), np.full(largest.shape, np.inf)
    for share in CANDIDATES:
        scale = np.maximum(largest * share / top, TINY).astype(np.float32)
        error = ((np.clip(np.rint(target / scale), -top, top) * scale - target) ** 2 * importance[:, None]).sum(over, keepdims=True)
        best, least = np.where(error < least, scale, best), np.minimum(error, least)
    return np.where(largest > 0, best, 1).astype(np.float32)


def _fitted(made: Integers, matrix: np.ndarray) -> Fitted:
    return Fitted(made, (made.codes * made.scale[:, None]).reshape(matrix.shape))


def _corrected(found: Fitted, matrix: np.ndarray, moments: Moments) -> Fitted:
    """Return the same with what makes its mean output right."""
    if len(moments.S) > len(matrix):
        return found._replace(shift=bias_shift(parts.split(matrix), parts.split(found.decoded), moments).sum(0)[None])
    return found._replace(shift=bias_shift(matrix, found.decoded, moments))
