"""Sums that come in parts are the sums of the whole."""

from __future__ import annotations

import numpy as np
import pytest

from lightweight_cli.calibration import sums as module
from lightweight_cli.calibration.histogram import BINS, Histogram
from lightweight_cli.calibration.sums import Sums
from lightweight_cli.numerics import parts
from lightweight_cli.numerics.moments import of_rows

R = np.random.default_rng(11)


@pytest.mark.parametrize("outputs", [2, 4])
@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("block", [64, 1 << 20])
def test_streamed_rows_with_targets(monkeypatch, groups, block, outputs):
    monkeypatch.setattr(module, "BLOCK", block)
    x, y = (R.standard_normal((groups, 100, 5)).astype(np.float32) for _ in range(2))
    w = R.standard_normal((groups, outputs, 5)).astype(np.float32)
    total = Sums(groups, 5, w)
    assert total.few == (outputs == 2)
    for start in range(0, 100, 7):
        total.add(x[:, start : start + 7], y[:, start : start + 7])
    found = total.result()
    for mine, plain in zip(found.moments, of_rows(x, y.astype(np.float64) @ w.astype(np.float64).swapaxes(1, 2)), strict=True):
        assert np.allclose(mine, plain)
    assert np.array_equal(found.largest, np.abs(x).max(1))
    if not total.few:  # another weight that the same rows meet
        assert np.allclose(total.result(2 * w).moments.C, 2 * found.moments.C)


@pytest.mark.parametrize("outputs", [1, 3])
def test_wide_layers_come_in_parts(monkeypatch, outputs):
    monkeypatch.setattr(parts, "WIDEST", 8)
    monkeypatch.setattr(parts, "PART", 4)
    x, w = R.standard_normal((1, 50, 10)), R.standard_normal((1, outputs, 10))
    total = Sums(1, 10, w)
    total.add(x, x)
    moments = total.result().moments
    cut, cut_w = parts.split(x), parts.split(w)
    assert moments.S.shape == (3, 4, 4) and moments.C.shape == (3, outputs, 4)
    assert np.allclose(moments.S, cut.swapaxes(1, 2) @ cut / 50)
    assert np.allclose(moments.C, cut_w @ moments.S)
    assert np.allclose(moments.my, np.einsum("god,gd->go", cut_w, moments.mx))
    assert Sums.nbytes(1, 10) == total.xx.nbytes


def test_a_histogram_grows_with_its_range():
    values = np.concatenate([R.standard_normal(1000) * s for s in (0.01, 1, 100)] + [[np.nan, np.inf]]).astype(np.float32)
    h = Histogram()
    for part in np.array_split(values, 50):
        h.add(part)
    finite = np.abs(values[np.isfinite(values)])
    assert h.counts.sum() == finite.size
    assert h.range / 2 < finite.max() <= h.range
    for share in (0.5, 0.9, 0.99):
        assert abs(h.quantile(share) - np.quantile(finite, share)) <= 3 * h.range / BINS
