"""Product quantization against brute-force distances and known clusters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lightweight_cli.numerics import product
from lightweight_cli.numerics.product import decode, encode, nearest, train, vectors

RNG = np.random.default_rng(0)


@given(hnp.arrays(np.float32, st.integers(0, 40)), st.integers(1, 9))
def test_vectors_pad_with_zeros(flat: np.ndarray, width: int) -> None:
    rows = vectors(flat, width)
    assert rows.shape == (-(-flat.size // width), width)
    assert rows.reshape(-1)[: flat.size].tobytes() == flat.tobytes() and not rows.reshape(-1)[flat.size :].any()


def test_nearest_is_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product, "PRODUCT", 1000)
    points = RNG.standard_normal((500, 4), dtype=np.float32)
    centroids = RNG.standard_normal((37, 4), dtype=np.float32)
    codes = nearest(points, centroids)
    every = ((points[:, None] - centroids) ** 2).sum(2)
    assert codes.dtype == np.uint8
    assert np.allclose(every[np.arange(500), codes], every.min(1), rtol=1e-5)


def test_clusters_are_found_exactly() -> None:
    centres = RNG.standard_normal((16, 8), dtype=np.float32) * 10
    points = centres[RNG.integers(0, 16, 5000)]
    codebooks = train([points[:1001], points[1001:]], len(points), 16)
    assert codebooks.shape == (1, 16, 8)
    assert np.allclose(decode(encode(points, codebooks), codebooks), points, rtol=1e-6)


def test_error_is_near_the_bound_and_stages_lower_it() -> None:
    points = RNG.standard_normal((50_000, 4), dtype=np.float32)
    errors = []
    for stages in (1, 2, 3):
        codebooks = train([points], len(points), 256, stages)
        codes = encode(points, codebooks)
        assert codes.shape == (stages, len(points)) and codes.dtype == np.uint8
        errors.append(float(((decode(codes, codebooks) - points) ** 2).mean()))
    # 2 bits a weight: scalar quantization reaches 0.1175 (Max 1960), the rate-distortion bound is 0.0625.
    assert 0.0625 < errors[0] < 0.105 and errors[1] < errors[0] / 5 and errors[2] < errors[1] / 5


def test_same_weights_same_codebooks() -> None:
    points = RNG.standard_normal((3000, 2), dtype=np.float32)
    once = train([points], 3000, 16, 2)
    again = train([points[:100], points[100:100], points[100:]], 3000, 16, 2)
    assert once.tobytes() == again.tobytes()


def test_sample_is_every_nth_vector_over_chunks() -> None:
    rows = np.arange(1, 101, dtype=np.float32)[:, None]
    for cuts in ([], [1], [3, 4, 50, 99], list(range(1, 100))):
        assert np.array_equal(product._sample(np.split(rows, cuts), 7), rows[::7])


def test_few_or_equal_vectors() -> None:
    points = np.array([[1, 2], [3, 4]], np.float32)
    codebooks = train([points], 2, 256)
    assert np.array_equal(decode(encode(points, codebooks), codebooks), points)
    same = np.ones((1000, 3), np.float32)
    codebooks = train([same], 1000, 16, 2)
    assert np.array_equal(decode(encode(same, codebooks), codebooks), same)
    assert encode(points[:0], train([points], 2)).shape == (1, 0)


@pytest.mark.parametrize(("chunks", "reason"), [([], "no vectors"), ([np.array([[np.inf]], np.float32)], "not finite")])
def test_refused(chunks: list[np.ndarray], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        train(chunks, 1)


@pytest.mark.parametrize("size", [1e-40, 1e-25, 1.0, 1e25, 1.5e38])
@pytest.mark.parametrize("stages", [1, 2])
def test_the_size_of_weights_makes_no_difference(size: float, stages: int) -> None:
    """Squares of float32 overflow above 1.8e19 and vanish below 1e-23."""
    power = np.float32(2.0) ** np.frexp(size)[1]
    points = np.random.default_rng(5).uniform(-1, 1, (600, 2)).astype(np.float32)
    codebooks = train([np.ldexp(points, np.frexp(size)[1] - 1)], len(points), 16, stages)
    codes = encode(np.ldexp(points, np.frexp(size)[1] - 1), codebooks)
    if size < 1e-37:  # subnormals have fewer bits
        assert len(np.unique(codes[0])) == 16
        return
    expected = train([points], len(points), 16, stages)
    assert np.array_equal(codebooks, expected * (power / 2)) and np.array_equal(codes, encode(points, expected))


def test_encoding_refuses_what_is_not_finite() -> None:
    with pytest.raises(ValueError, match="finite"):
        encode(np.array([[1, np.inf]], np.float32), np.ones((1, 2, 2), np.float32))
