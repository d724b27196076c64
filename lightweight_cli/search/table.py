"""For every layer and item, bytes and error, told by some of its outputs and what it sees in the original."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lightweight_cli.calibration.statistics import Statistics
from lightweight_cli.numerics.solver import Problem
from lightweight_cli.search import loading, pricing
from lightweight_cli.search.bundles import Kinds, kinds_of
from lightweight_cli.search.items import FINER, GROUPED, HALF, Item
from lightweight_cli.search.layer import Layer
from lightweight_cli.search.rounding import (
    apart,
    best_codes,
    half,
    kept,
    method,
    nearest,
    occurring,
    plainly,
    power_of,
    problem_of,
    squares,
)
from lightweight_cli.search.together import alone, together
from lightweight_cli.weights.load_budget import Form

OUTPUTS, OUTLIERS = 32, 8
"""Outputs of a layer that stand for all, of them those with the largest weights for their rms: a random sample misses these."""
LARGE = 1 << 20
"""Weights of a table that stand for all."""
WIDE_LAYER = 600
"""Inputs from which on the table goes without coordinate descent: it takes as long as all else."""


class Choice(NamedTuple):
    """What an item makes of a layer."""

    item: Item
    nbytes: float
    error: float
    """Squared error of the outputs over their power."""
    forms: tuple[Form, ...] = ()
    """Ways to store it, where decoding all layers in their smallest would take too much at load."""
    load: float = 0.0
    """Bytes that decoding takes at load."""
    kinds: Kinds | None = None
    """Of its codes, where they may be stored with those of others."""

    def priced(self) -> list[tuple[float, float]]:
        """Return bytes, and bytes at load, of each form."""
        return [(float(f.nbytes), f.load_bytes) for f in self.forms] or [(self.nbytes, self.load)]


def choices(layer: Layer, seen: Statistics | None) -> list[Choice]:
    """Return the choices of a layer, those left out that a file can't hold. Raises: ValueError where weights are not finite."""
    problem = None
    if not layer.looked_up and seen is not None and seen.moments is not None:
        how = method(layer)
        try:
            problem = problem_of(layer, seen.moments._replace(C=None, my=None), how)
        except ValueError:
            problem = None
    made = half(layer) if HALF in layer.fitting else None
    known = [Choice(HALF, made.nbytes, made.error, load=loading.HALF * layer.weight.size)] if made else []
    if problem is None:
        found = _plainly(layer)
    else:
        found = _sampled(layer, problem)
    found = [c for c in found if np.isfinite(c.nbytes)]
    return known + found + finer(layer, found)


def finer(layer: Layer, found: Sequence[Choice]) -> list[Choice]:
    """Return what steps beyond 8 bits come to: a bit more for each half of a step takes three quarters of the error off."""
    finest = next((c for c in found if c.item.step == layer.menu[0].step), None)
    if finest is None:
        return []
    made = []
    for by in FINER:
        item = finest.item._replace(step=float(f"{finest.item.step / by:.4g}"))
        made.append(Choice(item, finest.nbytes + layer.weight.size * np.log2(by) / 8 + pricing.ADDED, finest.error / by**2,
                           load=loading.MOST * layer.weight.size))
    return made


def coded(layer: Layer) -> list[Item]:
    """Return the items that make codes of a layer."""
    return [item for item in layer.fitting if item != HALF]


def keeping(layer: Layer) -> Choice:
    """Return the choice that loses nothing, for a size that has room for it; a goal is no reason to compress nothing."""
    made = kept(layer)
    return Choice(made.item, made.nbytes, made.error)


def safest(layer: Layer) -> Choice:
    """Return the choice that loses next to nothing: about 8 bits. Raises: ValueError where weights are not finite."""
    made = plainly(layer, layer.safe)
    return Choice(made.item, made.nbytes, made.error, forms_of(layer, occurring(made.codes)))


def _plainly(layer: Layer) -> list[Choice]:
    """Return the choices of a layer of which nothing is known, of a large one by some of its outputs. Raises: ValueError."""
    matrix = layer.matrix()
    if not np.isfinite(matrix).all():
        raise ValueError("weights are not finite")
    every = max(1, min(matrix.size // LARGE, matrix.shape[1] // OUTPUTS))
    part, scales = matrix[:, ::every], matrix.shape[0] * matrix.shape[1]
    power, found = squares(part), []
    for item in coded(layer):
        item, grid, codes = nearest(part, item, layer.looked_up)
        error = apart(codes * grid.scale, part, power)
        counts = np.rint(occurring(codes) * (matrix.size / codes.size)).astype(np.int64)
        found.append(_choice(layer, item, counts, scales if item.per_output else 1, error))
    return found


def _sampled(layer: Layer, problem: Problem) -> list[Choice]:
    """Return the choices by some outputs; errors and codes of the random ones count for all the rest."""
    top, rest = strata(problem.weight)
    some, outputs = np.concatenate([top, rest]), problem.weight.shape[1]
    count = np.concatenate([np.ones(len(top)), np.full(len(rest), (outputs - len(top)) / max(1, len(rest)))])
    how = method(layer)
    if layer.menu == GROUPED:
        tried = [best_codes(problem, item, how) for item in coded(layer)]
        return [_choice(layer, item, occurring(codes), grid.scale.size, error) for item, grid, codes, error in tried]
    power, part = power_of(problem), problem.of_outputs(some)
    rms = float(np.sqrt(np.mean(np.square(problem.weight, dtype=np.float64))))
    sweeps = 1 if problem.weight.shape[2] <= WIDE_LAYER else 0
    one = [item for item in coded(layer) if not item.per_output]
    found = dict(zip(one, together(part, one, rms, layer.weight.size, sweeps), strict=True))
    for item in coded(layer):
        if item.per_output:
            found[item] = alone(part, item, how._replace(sweeps=sweeps))
    scales = problem.weight.shape[0] * outputs
    counts = {item: count @ found[item].counts for item in coded(layer)}
    return [_choice(layer, item, counts[item], scales if item.per_output else 1,
                    float(found[item].errors @ count) / power if power else 0.0) for item in coded(layer)]


def _choice(layer: Layer, item: Item, counts: np.ndarray, scales: int, error: float) -> Choice:
    """Return what codes come to that occur so often."""
    return Choice(item, pricing.nbytes(counts, scales), error, forms_of(layer, counts), kinds=kinds_of(counts, scales))


def forms_of(layer: Layer, counts: np.ndarray) -> tuple[Form, ...]:
    """Return the forms of codes that occur so often, where that matters."""
    return tuple(loading.forms(counts, layer.by_rows)) if layer.scarce and not pricing.digit_bits(counts) else ()


def strata(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which outputs of [G, out, d] have the largest weights for their rms, and some of the others; or all, and none."""
    outputs = weight.shape[1]
    if outputs <= OUTPUTS:
        return np.arange(outputs), np.arange(0)
    size = np.sqrt(np.mean(np.square(weight, dtype=np.float64), axis=2)) + 1e-20
    outlying = np.argsort(-(np.abs(weight).max(axis=2) / size).max(axis=0), kind="stable")
    others = np.random.default_rng(0).choice(np.sort(outlying[OUTLIERS:]), OUTPUTS - OUTLIERS, replace=False)
    return np.sort(outlying[:OUTLIERS]), np.sort(others)
