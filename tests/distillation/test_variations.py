"""Images are moved, whatever the order of their axes; samples of floats are mixed; all else is left."""

from __future__ import annotations

import numpy as np

from lightweight_cli.distillation.variations import SHARE, mixed, moved, share_of


def test_images_are_moved_a_little_and_nothing_else():
    x = np.zeros((40, 1, 24, 24), np.float32)
    x[:, :, 10:14, 10:14] = 1
    y = moved(x, np.random.default_rng(0), SHARE)
    centre = [np.argwhere(one[0]).mean(0) for one in y]
    assert y.dtype == x.dtype and y.shape == x.shape and set(np.unique(y)) <= {0, 1}
    assert 0.3 < np.mean([np.array_equal(a, b) for a, b in zip(x, y, strict=True)]) < 0.7
    assert 0.3 < np.std(centre, 0).min() and np.abs(np.array(centre) - 11.5).max() < 4 and 9 <= y.sum() / 40 <= 25
    last = moved(np.ascontiguousarray(x.transpose(0, 2, 3, 1)), np.random.default_rng(0), SHARE)
    assert np.array_equal(last.transpose(0, 3, 1, 2), y)
    for other in (x[:, 0], x.astype(np.float64), x[:, :, :4, :4], x.astype(np.int32)):
        assert moved(other, np.random.default_rng(0), SHARE) is other


def test_all_inputs_of_a_sample_are_mixed_alike():
    a, k = np.arange(400, dtype=np.float32)[:, None], np.arange(400)
    found = mixed({"a": a, "b": a[:, :, None] * 2, "k": k}, np.random.default_rng(0), SHARE)
    np.testing.assert_allclose(found["b"][:, 0], found["a"] * 2, rtol=1e-5)
    assert found["k"] is k and abs(np.mean(found["a"] != a) - SHARE) < 0.1


def test_more_samples_are_varied_less():
    assert share_of(1) == share_of(128) == SHARE and share_of(512) == SHARE / 2 and 0 < share_of(50_000) < 0.03
