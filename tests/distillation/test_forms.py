"""What trained values stay: zeros, levels and codebooks; and that gradients are those of the parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from onnx import TensorProto

from lightweight_cli.distillation.forms import Codebook, Free, Grid, Narrow, bfloat16, is_even, recoded
from lightweight_cli.distillation.vector import Vector
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.model.blobs import Blob
from lightweight_cli.numerics import fp

R = np.random.default_rng(0)


def coded(codes: np.ndarray, groups, **more) -> Coded:
    blob = Blob(codes.size, data=codes.tobytes())
    return Coded((codes.size,), TensorProto.FLOAT, groups, blob, more.pop("low", 0), more.pop("count"), 0, **more)


GRIDS = {
    "one scale": coded(R.integers(-2, 2, 24).astype(np.int8), (1, 24, 1), low=-2, count=4, scale=np.full((1, 1, 1), 0.25, np.float32)),
    "scales and zero points": coded(
        R.integers(0, 8, 24).astype(np.uint8), (3, 8, 1), count=8, zero_point=np.array([[[3]], [[4]], [[0]]], np.uint8),
        scale=np.array([[[0.5]], [[0.1]], [[0]]], np.float16)),
    "scales whose inverse no float32 holds": coded(
        np.where(np.arange(24) < 12, 0, R.integers(-4, 4, 24)).astype(np.int8), (2, 12, 1), low=-4, count=8,
        scale=np.array([[[2.6e-39]], [[0.1]]], np.float32)),
    "levels of a codebook": coded(
        R.integers(0, 4, 24).astype(np.uint8), (1, 24, 1), count=4, codebook=np.array([-1, -0.5, 0, 0.5], np.float32)),
}


@pytest.mark.parametrize("name", GRIDS)
def test_values_go_to_the_nearest_level_and_back_into_codes(name):
    one = GRIDS[name]
    values = one.decode()
    form, out = Grid(one, values.copy()), np.empty(24, np.float32)
    form.put(values, out)
    assert np.array_equal(out, values)
    moved = values + R.uniform(-0.04, 0.04, 24).astype(np.float32)
    form.put(moved, out)
    levels = [np.unique(one.decode().reshape(one.groups)[a]) for a in range(one.groups[0])]
    if name == "one scale":
        assert np.array_equal(out, values) and set(out) <= {-0.5, -0.25, 0, 0.25}
    for a, some in enumerate(out.reshape(one.groups)):
        assert set(some.ravel()) <= set(levels[a]) or one.count == 8
    codes, codebook = recoded(one, out)
    assert np.array_equal(replace(one, codes=Blob(24, data=codes.tobytes()), codebook=codebook).decode(), out)


def test_zeros_stay_where_most_values_are_zero():
    codes = np.zeros(40, np.int8)
    codes[:10] = 1
    one = coded(codes, (1, 40, 1), low=-1, count=3, scale=np.ones((1, 1, 1), np.float32))
    form, out, g = Grid(one, one.decode()), np.empty(40, np.float32), np.ones(40, np.float32)
    form.put(np.full(40, -0.8, np.float32), out)
    form.gradient(g, g)
    assert out.tolist() == [-1] * 10 + [0] * 30 and g.tolist() == [1] * 10 + [0] * 30


def test_a_level_has_the_gradients_of_its_values():
    book = np.array([-1.5, 0, 0.2, 4], np.float32)
    codes, scale = R.integers(0, 4, 30).astype(np.uint8), np.array([[[1]], [[2]], [[3]]], np.float32)
    one = coded(codes, (3, 10, 1), count=4, codebook=book, scale=scale)
    form, out, g, slope = Codebook(one), np.empty(30, np.float32), R.standard_normal(30).astype(np.float32), np.empty(4, np.float32)
    form.put(form.start, out)
    assert np.array_equal(out, one.decode())
    expected = [float((g * np.repeat([1, 2, 3], 10))[codes == k].sum()) for k in range(4)]
    form.gradient(g.copy(), slope)
    np.testing.assert_allclose(slope, [expected[0], 0, *expected[2:]], rtol=1e-5)
    form.put(book * 2, out)
    again, new = recoded(one, out)
    assert np.array_equal(again, codes)
    np.testing.assert_allclose(new, book * 2, rtol=1e-6)


def test_what_is_even():
    assert is_even(np.arange(-3, 4)) and is_even(np.float32([0, 0.1, 0.2, 0.3]))
    assert not is_even(np.float32([0, 1, 3])) and not is_even(np.float32([1]))


def test_all_parameters_are_one_vector():
    values = R.standard_normal(6).astype(np.float32)
    values[2] = 0
    narrow = Narrow(fp.to_half(values).astype(np.float32), lambda free: fp.to_half(free).astype(np.float32))
    forms = {"a": Free(values.copy(), True), "b": narrow, "c": Free(np.zeros(3, np.float32), False)}
    vector = Vector(forms, {"a": (2, 3), "b": (6,), "c": (3,)})
    for g in vector.gradients.values():
        g[...] = 1
    vector.collect()
    vector.free -= 0.01 * vector.slope
    vector.put()
    kept = (values != 0).astype(np.float32)
    np.testing.assert_allclose(vector.values["a"].ravel(), values - 0.01 * kept, rtol=1e-6)
    assert np.array_equal(vector.values["b"], (narrow.start - np.float32(0.01) * kept).astype(np.float16)) and vector.values["b"][2] == 0
    assert (vector.values["c"] < 0).all()
    assert fp.fits_bfloat16(bfloat16(values)) and np.allclose(bfloat16(values), values, rtol=1e-2)
