"""All items of a layer rounded at once, on some of its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lightweight_cli.numerics import rate, second_order
from lightweight_cli.numerics.descent import descend
from lightweight_cli.numerics.objective import objective
from lightweight_cli.numerics.solver import Method, Problem, solved
from lightweight_cli.numerics.stacked import Stacked
from lightweight_cli.search import pricing
from lightweight_cli.search.fitting import laid
from lightweight_cli.search.items import WIDE, Item

CODES = 2 * WIDE + 1


class Sample(NamedTuple):
    """What one item makes of the outputs."""

    counts: np.ndarray  # [out, codes] how often each code occurs
    errors: np.ndarray  # [out] in units of the problem


def together(part: Problem, items: Sequence[Item], rms: float, size: int, sweeps: int) -> list[Sample]:
    """Return a sample of each item; `rms` is the whole tensor's, `size` its number of weights. All have one scale a tensor."""
    groups, outputs, d = part.weight.shape
    target = np.tile(part.target, (1, len(items), 1)).astype(np.float32)
    H, U = part.H.astype(np.float32), part.U.astype(np.float32)

    def each(values: Sequence[float], dtype: type) -> np.ndarray:
        return np.repeat(np.asarray(values, dtype), outputs)[None, :, None]

    steps = np.maximum(np.array([i.step for i in items]) * rms, 1e-30).astype(np.float32)
    grid = Stacked(each(steps, np.float32), each([i.clip for i in items], np.float32),  # type: ignore[arg-type]
                   each([WIDE + CODES * k for k in range(len(items))], np.intp))
    mu = rate.KAPPA * float(np.median(1 / np.einsum("gii->gi", part.U) ** 2)) * steps.astype(np.float64) ** 2

    def cost(codes: np.ndarray) -> np.ndarray:
        return np.concatenate([pricing.lengths(c.sum(0), size) * m for c, m in zip(counted(codes, len(items)), mu, strict=True)])

    codes, _ = second_order.quantize(target, U, grid, cost(grid.nearest(target)))  # type: ignore[arg-type]
    if sweeps:
        codes = descend(target, H, codes, grid, cost(codes), sweeps)  # type: ignore[arg-type]
    values = codes * grid.scale
    product = values @ H
    both = [np.einsum("god,god->o", product, v, dtype=np.float64).reshape(len(items), outputs).sum(1) for v in (target, values)]
    factor = np.where((both[0] > 0) & (both[1] > 0), both[0] / np.where(both[1] > 0, both[1], 1), 1.0)
    values *= each(factor.tolist(), np.float32)
    errors = objective(values - target, H).sum(0).reshape(len(items), outputs)
    return [Sample(c, e) for c, e in zip(counted(codes, len(items)), errors, strict=True)]


def alone(part: Problem, item: Item, how: Method) -> Sample:
    """Return the sample of one item, which may have a scale for each output."""
    found = solved(part, lambda target, importance: laid(target, item), how)
    errors = objective(found.grid.spread(found.codes.shape[2]).decode(found.codes) - part.target, part.H).sum(0)
    return Sample(counted(found.codes, 1)[0], errors)


def counted(codes: np.ndarray, items: int) -> list[np.ndarray]:
    """Return how often each code occurs in each output, [out, codes] an item."""
    rows = codes.transpose(1, 0, 2).reshape(codes.shape[1], -1).astype(np.intp) + WIDE
    rows += np.arange(len(rows))[:, None] * CODES
    return list(np.bincount(rows.reshape(-1), minlength=len(codes[0]) * CODES).reshape(items, -1, CODES))
