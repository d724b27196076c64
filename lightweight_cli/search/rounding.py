"""A layer rounded as an item says: codes for what it sees, and what its bias should be then."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightweight_cli.calibration.statistics import Statistics
from lightweight_cli.numerics import parts, rate
from lightweight_cli.numerics.damping import ROUNDING, TARGET
from lightweight_cli.numerics.grid import Uniform
from lightweight_cli.numerics.moments import Moments, bias_shift
from lightweight_cli.numerics.objective import objective
from lightweight_cli.numerics.solver import Method, Problem, posed, solved
from lightweight_cli.search import pricing
from lightweight_cli.search.fitting import coarser, fits, halved, holds, laid
from lightweight_cli.search.items import HALF, KEEP, UNCODED, WIDE, Item
from lightweight_cli.search.layer import Layer

FIRM = (0.1, 1.0)
"""Damping and ridge where few rows mislead: magika, calibrated on 100 files, lost half as much on others; models with more lose by it."""
ROUNDS = 2
"""Of rounding a table by the bits that its codes take: these follow from the codes."""


class Rounded(NamedTuple):
    """New values of a layer."""

    item: Item
    """What it became: the item asked for, or a coarser one where that had too many codes."""
    codes: np.ndarray  # int16, in the weight's shape
    scale: np.ndarray  # float32 [1], or one an output [groups * outputs], float16 where that holds them
    values: np.ndarray  # float32, in the weight's shape
    bias: np.ndarray | None
    error: float
    """Squared error of the outputs against the target's, relative to the original's power; of a table, of its values."""
    nbytes: float
    gain: float | None = None
    """Loss of the whole over the error of this layer alone; None: not measured."""


def method(layer: Layer, sweeps: int = 1, firm: bool = False) -> Method:
    """Return how a layer is solved; `firm`: what it sees is trusted less."""
    def bits(codes: np.ndarray, low: int, high: int) -> np.ndarray:
        return pricing.lengths(histogram(codes, low, high), layer.weight.size)

    damping, ridge = FIRM if firm else (ROUNDING, TARGET)
    return Method(damping, ridge, kappa=rate.KAPPA, bits=bits, sweeps=sweeps, centre=layer.bias is not None, contest=False)


def problem_of(layer: Layer, moments: Moments, how: Method) -> Problem:
    """Return what the codes of a layer are to minimise. Raises: ValueError for values or moments that are not finite."""
    matrix = layer.matrix()
    return posed(parts.split(matrix) if len(moments.S) != len(matrix) else matrix, moments, how)


def histogram(codes: np.ndarray, low: int, high: int) -> np.ndarray:
    """Return how often each code of [low, high] occurs."""
    return np.bincount(codes.reshape(-1).astype(np.intp) - low, minlength=high - low + 1)


def occurring(codes: np.ndarray) -> np.ndarray:
    """Return how often each code occurs, from the lowest to the highest that does."""
    return histogram(codes, int(codes.min()), int(codes.max()))


def rounded(layer: Layer, item: Item, seen: Statistics | None, sweeps: int = 1, firm: bool = False) -> Rounded:
    """Return a layer rounded as an item says, for what it sees. Raises: ValueError where values are not finite."""
    if item in UNCODED:
        return half(layer) if item == HALF else kept(layer)
    if layer.looked_up or seen is None or seen.moments is None:
        return plainly(layer, item)
    how, matrix = method(layer, sweeps, firm), layer.matrix()
    try:
        problem = problem_of(layer, seen.moments, how)
    except ValueError:  # of moments: nearest says it where values are not finite
        return plainly(layer, item)
    item, grid, codes, error = best_codes(problem, item, how)
    wide = codes.shape[0] != layer.view.shape[0]
    if wide:
        codes = parts.merge(codes, layer.view.shape[2])
    decoded = (codes * grid.scale.astype(np.float32)).astype(np.float32)
    bias = layer.bias_values()
    if bias is not None:
        moments = seen.moments
        shift = (bias_shift(parts.split(matrix), parts.split(decoded), moments).sum(0) if wide else bias_shift(matrix, decoded, moments))
        bias = (bias + shift.reshape(bias.shape)).astype(layer.bias.numpy)  # type: ignore[union-attr]
    return _told(layer, item, codes, grid.scale, decoded, bias, error)


def best_codes(problem: Problem, item: Item, how: Method) -> tuple[Item, Uniform, np.ndarray, float]:
    """Return the item, or the next coarser one that a file can hold; its grid, codes, and error relative to the original's power."""
    power = power_of(problem)
    how = how._replace(kappa=0.0) if item.fine else how
    while True:
        found = solved(problem, lambda target, importance, i=item: laid(target, i), how)  # type: ignore[misc]
        assert isinstance(found.grid, Uniform)
        if holds(found.codes):
            return item, halved(found.grid), found.codes, found.objective / problem.unit / power if power else 0.0
        item = coarser(item)


def power_of(problem: Problem) -> float:
    """Return the power of the original's outputs, damping included, in units of the problem."""
    return float(objective(problem.weight, problem.H).sum())


def half(layer: Layer) -> Rounded:
    """Return a layer as float16, without codes."""
    values = layer.weight.read(0, layer.weight.size).reshape(layer.weight.shape)
    layer.weight.forget()
    decoded = values.astype(np.float16).astype(np.float32)
    return Rounded(HALF, np.empty(0, np.int16), np.ones(1, np.float32), decoded, None, apart(decoded, values, squares(values)),
                   pricing.half(layer.weight.size))


def kept(layer: Layer) -> Rounded:
    """Return a layer as it is; what it takes at most."""
    values = layer.weight.read(0, layer.weight.size).reshape(layer.weight.shape)
    layer.weight.forget()
    return Rounded(KEEP, np.empty(0, np.int16), np.ones(1, np.float32), np.asarray(values, np.float32), None, 0.0, pricing.whole(values))


def plainly(layer: Layer, item: Item) -> Rounded:
    """Return a layer of which nothing is known rounded to nearest, a table with its bits counted.

    Raises: ValueError where it is not finite.
    """
    matrix = layer.matrix()
    if not np.isfinite(matrix).all():
        raise ValueError("weights are not finite")
    item, grid, codes = nearest(matrix, item, layer.looked_up)
    decoded = (codes * grid.scale.astype(np.float32)).astype(np.float32)
    return _told(layer, item, codes, grid.scale, decoded, None, apart(decoded, matrix, squares(matrix)))


def squares(values: np.ndarray) -> float:
    """Return the sum of the squares of values."""
    return float(np.square(values, dtype=np.float64).sum())


def apart(made: np.ndarray, values: np.ndarray, power: float) -> float:
    """Return the squared error of values over their power, the sum of their squares; 0 of those that are all zero."""
    return squares(made - values) / power if power else 0.0


def nearest(matrix: np.ndarray, item: Item, looked_up: bool) -> tuple[Item, Uniform, np.ndarray]:
    """Return the item, or the next coarser one that a file can hold; its grid, and the nearest codes, of a table with bits counted."""
    rounds = ROUNDS if looked_up and not item.fine else 0
    while item.clip == WIDE and not fits(matrix, item):
        item = coarser(item)
    grid, codes = _codes(matrix, item, rounds)
    while not holds(codes):
        item = coarser(item)
        grid, codes = _codes(matrix, item, rounds)
    return item, grid, codes


def _codes(matrix: np.ndarray, item: Item, rounds: int) -> tuple[Uniform, np.ndarray]:
    """Return the grid of an item, and the nearest codes; in so many rounds, those next to the values that cost least with their bits."""
    grid = halved(laid(matrix, item))
    codes = grid.nearest(matrix)
    for _ in range(rounds):
        cost = pricing.lengths(histogram(codes, grid.low, grid.high), codes.size) * rate.KAPPA * float(np.mean(grid.scale**2))
        codes = grid.cheapest(matrix, np.ones(1, np.float32), cost.astype(np.float32))
    return grid, codes


def _told(layer: Layer, item: Item, codes: np.ndarray, scale: np.ndarray, decoded: np.ndarray, bias: np.ndarray | None,
          error: float) -> Rounded:
    view, counts = layer.view, occurring(codes)
    codes, decoded = np.ascontiguousarray(view.back(codes.astype(np.int16))), np.ascontiguousarray(view.back(decoded))
    return Rounded(item, codes, scale.reshape(-1), decoded, bias, error, pricing.nbytes(counts, scale.size))
