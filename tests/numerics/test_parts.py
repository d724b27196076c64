"""Wide layers in parts: what is cut comes back, and one part is the layer itself."""

from __future__ import annotations

import numpy as np
import pytest

from lightweight_cli.numerics import damping, parts, scales, solver
from lightweight_cli.numerics.moments import of_rows


@pytest.mark.parametrize(("d", "width"), [(1, 1), (4096, 4096), (4097, 1366), (6144, 2048), (11008, 1835)])
def test_split_and_merge(d: int, width: int) -> None:
    weight = np.random.default_rng(0).standard_normal((1, 3, d))
    assert parts.width(d) == width
    cut = parts.split(weight)
    assert cut.shape == (-(-d // width), 3, width)
    assert np.array_equal(parts.merge(cut, d), weight)
    assert not parts.merge(cut, cut.shape[0] * width)[:, :, d:].any()


def test_parts_are_solved_on_their_own_with_one_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "WIDEST", 30)
    monkeypatch.setattr(parts, "PART", 20)
    random = np.random.default_rng(0)
    weight = random.standard_normal((1, 6, 50)).astype(np.float32)
    x = random.standard_normal((1, 400, 50)) @ random.standard_normal((50, 50))
    cut, moments = parts.split(weight), of_rows(parts.split(x))
    assert cut.shape == (3, 6, 17)
    found = solver.solve(cut, moments, lambda target, diagonal: scales.largest(target, (1, 6, 1), 4))
    assert found.grid.scale.shape == (1, 6, 1) and found.objective < 0.8 * found.nearest
    codes = parts.merge(found.codes, 50)
    blocks = np.zeros((1, 50, 50))
    H = damping.damped(moments.S, damping.strength(moments.S, 400))
    for start, end, block in ((0, 17, 0), (17, 34, 1), (34, 50, 2)):
        blocks[0, start:end, start:end] = H[block, : end - start, : end - start]
    left = found.grid.decode(codes.astype(np.float64)) - weight
    assert np.einsum("goi,gij,goj->", left, blocks, left) == pytest.approx(found.objective)
