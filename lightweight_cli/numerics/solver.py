"""The codes of a layer, so that its outputs change least: the whole recipe.

    target     W* = (C + t W)(S + t I)^-1                    what the weights should be now
    damping    H = S + lam I, U'U = H^-1
    grid       laid over W*
    zeros      weights of 0 stay 0 where the grid has that value
    rounding   second order, in column order                 objective  tr (Q - W*) H (Q - W*)'
    contest    an output that plain rounding serves better keeps the nearest codes
    descent    one sweep over the codes                      never raises the objective
    refit      least-squares scales                          never raises the objective

So the result is never worse than plain rounding, of the weights or of the target, on the same grid and moments. With a price
on bits (kappa > 0), the objective that this holds for counts them too: error + mu * bits.

Source: Frantar et al. 2022, arXiv:2210.17323; measured parameters: `damping`, `rate`, `target`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from . import damping, rate, second_order
from . import target as targets
from .damping import ROUNDING, TARGET
from .descent import descend
from .grid import Grid
from .held import Held, held
from .moments import Moments, centred, checked
from .objective import objective
from .precision import working
from .refit import refit

# How to lay a grid over a target [G, out, d], given diag H [G, d]: `scales` and `codebooks` have what it may call.
Lay = Callable[[np.ndarray, np.ndarray], Grid]


class Method(NamedTuple):
    """What of the recipe to do, and how strongly."""

    damping: float = ROUNDING  # of the mean diagonal
    ridge: float = TARGET  # of the mean diagonal; matters only if moments have C
    prior: np.ndarray | None = None  # [d, d] instead of the identity as the ridge
    kappa: float = 0.0  # price of a bit; 0: codes of fixed width, `rate.KAPPA`: an entropy code
    bits: rate.CodeBits = rate.code_bits  # of each code; what kappa is the price of
    sweeps: int = 1  # of coordinate descent
    refit: bool = True
    centre: bool = False  # the bias may change: `moments.bias_shift`
    contest: bool = True  # against plain rounding: takes as long as the rounding itself


class Solution(NamedTuple):
    """Codes of a weight [G, out, d], and how good they are."""

    codes: np.ndarray  # [G, out, d] int16
    grid: Grid  # with its refitted scales
    nearest: float  # tr (Q - W*) H (Q - W*)' of plain rounding of the weights on the grid as laid; NaN without a contest
    objective: float  # the same of the codes
    nearest_bits: float  # entropy of a code, bits
    bits: float


class Problem(NamedTuple):
    """A layer's weight and what its codes are to minimise: made once for any number of grids."""

    weight: np.ndarray  # [G, out, d]
    target: np.ndarray  # [G, out, d] W*
    H: np.ndarray  # [G, d, d] damped, in units of `unit`
    U: np.ndarray  # [G, d, d] upper, U'U = H^-1
    unit: float

    def of_outputs(self, some: np.ndarray) -> Problem:
        """The same for some of the outputs."""
        return self._replace(weight=self.weight[:, some], target=self.target[:, some])


def solve(weight: np.ndarray, moments: Moments, lay: Lay, method: Method | None = None) -> Solution:
    """Codes and grid of a weight [G, out, d] for the moments of its inputs.

    Deterministic. Needs 5 d^2 doubles a group, and 6 copies of the weight in the working type.

    Returns: the solution; objectives are in units of the moments, damping included.
    Raises: ValueError if weights or moments are not finite, or their shapes don't fit.
    """
    method = method or Method()
    return solved(posed(weight, moments, method), lay, method)


def posed(weight: np.ndarray, moments: Moments, method: Method) -> Problem:
    """The problem of a weight [G, out, d]: all that does not depend on a grid.

    Raises: ValueError if weights or moments are not finite, or their shapes don't fit.
    """
    checked(weight, moments)
    moments = centred(moments) if method.centre else moments
    if method.prior is None:
        target = targets.moved(weight, moments, method.ridge)
    else:
        target = targets.moved_with_prior(weight, moments, method.prior)
    unit = float(damping.mean_diagonal(moments.S).mean())  # moments in units of it: no overflow in float32
    S = moments.S / unit
    H, U = damping.factored(S, damping.strength(S, moments.n, method.damping))
    return Problem(weight, target, H, U, unit)


def solved(problem: Problem, lay: Lay, method: Method) -> Solution:
    """Codes and grid of a problem."""
    weight, unit = problem.weight, problem.unit
    grid = lay(problem.target, np.einsum("gii->gi", problem.H))
    H, U, target = (array.astype(working(weight.shape), copy=False) for array in (problem.H, problem.U, problem.target))
    bound = held(grid, weight == 0)
    plain = _nearest(weight, bound)
    candidates = [plain] if np.array_equal(target, weight) else [plain, _nearest(target, bound)]
    cost = rate.costs(candidates[-1], grid, U, method.kappa, method.bits)
    codes, errors = second_order.quantize(target, U, bound, cost)
    theirs = [_errors(other, target, H, grid) for other in candidates] if method.contest else []
    for other, other_errors in zip(candidates, theirs, strict=False):
        _contest(codes, errors, other, other_errors, grid, cost)
    cost = rate.costs(codes, grid, U, method.kappa, method.bits)
    codes = descend(target, H, codes, bound, cost, method.sweeps)
    found, error = refit(target, H, codes, grid) if method.refit else (grid, float(_errors(codes, target, H, grid).sum()))
    nearest = float(theirs[0].sum()) if theirs else np.nan
    if error + _paid(codes, grid, U, method) > nearest + _paid(plain, grid, U, method):
        codes, found, error = plain, grid, nearest
    return Solution(codes, found, nearest * unit, error * unit, rate.entropy(plain), rate.entropy(codes))


def _nearest(values: np.ndarray, grid: Grid | Held) -> np.ndarray:
    """Plain codes of values [G, out, d]."""
    return grid.spread(values.shape[2]).nearest(values.astype(working(values.shape), copy=False)).astype(np.int16)


def _errors(codes: np.ndarray, target: np.ndarray, H: np.ndarray, grid: Grid) -> np.ndarray:
    """Objective of each output [G, out] for codes [G, out, d]."""
    return objective(grid.spread(codes.shape[2]).decode(codes.astype(target.dtype)) - target, H)


def _contest(
    codes: np.ndarray, errors: np.ndarray, other: np.ndarray, other_errors: np.ndarray, grid: Grid, cost: np.ndarray | None
) -> None:
    """Take the other codes [G, out, d] for the outputs where their errors [G, out], cost of bits included, are less."""
    gain = errors - other_errors
    if cost is not None:
        gain += (grid.priced(codes, cost) - grid.priced(other, cost)).sum(axis=2)
    better = gain > 0
    codes[better], errors[better] = other[better], other_errors[better]


def _paid(codes: np.ndarray, grid: Grid, U: np.ndarray, method: Method) -> float:
    """Cost of all codes, by the bits they would have themselves; 0 if bits cost nothing."""
    cost = rate.costs(codes, grid, U, method.kappa, method.bits)
    return 0.0 if cost is None else float(grid.priced(codes, cost).sum())
