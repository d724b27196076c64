"""Values brought to levels: on them, zero under the mask, and never worse than the nearest ones."""

from __future__ import annotations

import numpy as np
import pytest

from lightweight_cli.numerics import damping, masked_fit, on_grid
from lightweight_cli.numerics.grid import Codebook, Grid, Uniform
from lightweight_cli.numerics.held import Held
from lightweight_cli.numerics.objective import objective

LEVELS = np.array([-0.3, -0.1, 0.0, 0.07, 0.2, 0.5], np.float32).reshape(-1, 1, 1, 1)


@pytest.mark.parametrize("kind", ["scales", "zero points", "codebook"])
def test_levels_are_never_worse_than_the_nearest(kind):
    R = np.random.default_rng(3)
    x = R.standard_normal((1, 200, 24)) @ R.standard_normal((24, 24))
    S = x.transpose(0, 2, 1) @ x / 200
    S /= damping.mean_diagonal(S).mean()
    H, U = damping.factored(S, damping.strength(S, 200))
    target, zeros = R.normal(0, 0.2, (1, 10, 24)), R.random((1, 10, 24)) < 0.5
    scale = R.uniform(0.05, 0.1, (1, 10, 24)).astype(np.float32)  # each value has its own, as weights of any layout may
    zero_point = R.integers(-3, 3, (1, 10, 24)).astype(np.float32) if kind == "zero points" else None
    grid: Grid = Codebook(LEVELS, scale * 10) if kind == "codebook" else Uniform(scale, -8, 7, zero_point)
    fitted = masked_fit.fit(target, H, zeros)
    bound = Held(grid, zeros).spread(24)
    nearest = bound.decode(bound.nearest(fitted))
    found = on_grid.brought(target, H, U, fitted, zeros, grid)
    assert not found[zeros].any() and np.allclose(found, bound.decode(bound.nearest(found)), atol=1e-6)
    assert (objective(found - target, H) <= objective(nearest - target, H) + 1e-9).all()
    ours, theirs, least = (objective(v - target, H).sum() for v in (found, nearest, fitted))
    assert ours - least < 0.9 * (theirs - least)  # what rounding adds to what the zeros cost
