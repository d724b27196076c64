"""CPU time of the layer solver, step by step, against one Cholesky factorisation of the same size.

Usage: python benchmarks/solver.py [SIZE]    a square layer, 4096 unless said

Everything in one process and on one thread, so that a busy machine disturbs both sides alike. The factorisation is
numpy's, in float32; the float64 one that the solver starts with is in its own row.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TypeVar

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from lightweight_cli.numerics import damping, rate, refit, scales, second_order, solver, triangular
from lightweight_cli.numerics.descent import descend
from lightweight_cli.numerics.grid import Grid
from lightweight_cli.numerics.moments import Moments
from lightweight_cli.numerics.objective import objective

Result = TypeVar("Result")
ROUNDS = 3  # of the factorisation: the fastest counts


def timed(call: Callable[[], Result]) -> tuple[float, Result]:
    """CPU seconds of a call, and what it gave."""
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def correlated(d: int) -> np.ndarray:
    """Second moment [1, d, d] of inputs whose correlation falls off with distance, positive on average; 2 d rows."""
    rows = np.random.default_rng(0).standard_normal((2 * d, d), dtype=np.float32)
    for column in range(1, d):
        rows[:, column] = 0.9 * rows[:, column - 1] + 0.4 * rows[:, column]
    np.maximum(rows, 0, out=rows)
    return (rows.T @ rows / len(rows)).astype(np.float64)[None]


def main() -> None:
    d = int(sys.argv[1]) if len(sys.argv) > 1 else 4096
    S = correlated(d)
    weight = np.random.default_rng(1).standard_normal((1, d, d), dtype=np.float32) * np.float32(0.02)
    single = damping.damped(S, damping.strength(S, None))[0].astype(np.float32)
    base = min(timed(lambda: np.linalg.cholesky(single))[0] for _ in range(ROUNDS))

    def row(name: str, seconds: float) -> None:
        print(f"{name:52} {seconds:8.2f} s {seconds / base:6.1f} x", flush=True)

    print(f"layer {d} x {d}")
    row("numpy.linalg.cholesky, float32", base)
    H = damping.damped(S, damping.strength(S, None))
    row("  Cholesky, float64", timed(lambda: np.linalg.cholesky(H))[0])
    row("  Cholesky and triangular inverse, float64", timed(lambda: triangular.inverse_factor(H))[0])
    U = triangular.inverse_factor(H)
    fixed = scales.largest(weight, (1, d, 1), 4)
    stepped = scales.step(weight, (1, 1, 1), 0.5, 1023)
    for name, grid, kappa in (("4 bits per channel", fixed, 0.0), ("step .5 rms, priced", stepped, rate.KAPPA)):
        steps(name, weight, H, U, grid, kappa, row)
    moments = Moments(S, 2 * d)

    def whole(grid: Grid, kappa: float) -> tuple[float, solver.Solution]:
        return timed(lambda: solver.solve(weight, moments, lambda target, diagonal: grid, solver.Method(kappa=kappa)))

    for name, grid, kappa in (("4 bits per channel", fixed, 0.0), ("step .5 rms, priced", stepped, rate.KAPPA)):
        seconds, found = whole(grid, kappa)
        row(f"solve, {name}", seconds)
        gain = 10 * np.log10(found.nearest / found.objective)
        print(f"  error {gain:.1f} dB below nearest, {found.nearest_bits:.2f} -> {found.bits:.2f} bits a code")


def steps(
    name: str, weight: np.ndarray, H: np.ndarray, U: np.ndarray, grid: Grid, kappa: float, row: Callable[[str, float], None]
) -> None:
    """Time the steps that depend on the grid, on arrays in the working type."""
    H, U = H.astype(np.float32), U.astype(np.float32)
    plain = grid.spread(weight.shape[2]).nearest(weight).astype(np.int16)
    cost = rate.costs(plain, grid, U, kappa)
    difference = grid.spread(weight.shape[2]).decode(plain) - weight
    row(f"  {name}: objective of nearest", timed(lambda: objective(difference, H))[0])
    seconds, (codes, _) = timed(lambda: second_order.quantize(weight, U, grid, cost))
    row(f"  {name}: second-order rounding", seconds)
    seconds, codes = timed(lambda: descend(weight, H, codes, grid, cost))
    row(f"  {name}: one sweep of descent", seconds)
    row(f"  {name}: refit", timed(lambda: refit.refit(weight, H, codes, grid))[0])


if __name__ == "__main__":
    main()
