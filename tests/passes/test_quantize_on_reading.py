"""Codes of large weights are worked out when they are read: the same ones, wherever reading begins."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from lightweight_cli.model.blobs import Blob, Source
from lightweight_cli.numerics import affine
from lightweight_cli.passes.quantize import nearest, on_reading
from lightweight_cli.passes.quantize.on_reading import OnReading

GROUPS = [(1, 700, 3), (4, 30, 25), (2, 5, 90), (1, 900, 1), (3, 1, 64)]


@given(data=st.data(), groups=st.sampled_from(GROUPS), symmetric=st.booleans(), dtype=st.sampled_from([np.float32, np.float16, np.float64]))
@settings(max_examples=30, deadline=None)
def test_runs_of_codes_are_those_of_the_whole(data: st.DataObject, groups: tuple[int, int, int], symmetric: bool, dtype: type) -> None:
    a, r, p = groups
    values = np.random.default_rng(a + r + p).normal(size=groups).astype(dtype)
    grid = affine.scales(*affine.extent(values), 8, symmetric)
    expected = affine.codes(values, grid.scale, grid.zero_point, 8).reshape(-1)
    unnamed = os.memfd_create("values") if hasattr(os, "memfd_create") else pytest.skip("no memory files here")
    os.write(unnamed, b"odd" + values.tobytes())
    codes = OnReading(Blob(values.nbytes, Source(unnamed, "values"), 3), values.dtype, groups, grid)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(on_reading, "SLAB", data.draw(st.integers(1, 200)))
        patch.setattr(on_reading, "_local", threading.local())  # no buffer of another size
        start = data.draw(st.integers(0, values.size))
        count = data.draw(st.integers(0, values.size - start))
        assert np.array_equal(codes.array(expected.dtype, start, count), expected[start : start + count])
        assert b"".join(bytes(chunk) for chunk in codes.chunks(data.draw(st.integers(50, 999)))) == expected.tobytes() == codes.bytes()


ONE = """<ir_version: 8, opset_import: ["" : 17]> g (float[4,256] x) => (float[4,192] y) <float[256,192] W> { y = MatMul (x, W) }"""


@pytest.mark.parametrize("options", ["granularity=channel", "granularity=tensor,asymmetric=true", "block_size=128"])
def test_files_are_the_same_as_of_codes_had_at_once(save, apply, monkeypatch, options):
    path = save(ONE)
    recipe = f"quantize:bits=8,keep=0,{options}"
    expected = apply(path, recipe).data
    monkeypatch.setattr(nearest, "SLAB", 4096)
    monkeypatch.setattr(on_reading, "SLAB", 4096)
    read, made = OnReading.read_into, []

    def noted(self, start, out):
        made.append(start)
        read(self, start, out)

    monkeypatch.setattr(OnReading, "read_into", noted)
    done = apply(path, recipe)
    assert done.data == expected and made
    (before,), (after,) = done.outputs()
    assert np.abs(before - after).max() < 0.05 * np.abs(before).max()


@pytest.mark.parametrize("second", ["prune:sparsity=0.5", "pack", "share:bits=4", "unpack"])
def test_steps_behind_read_them(save, apply, monkeypatch, second):
    path = save(ONE)
    recipe = "quantize:bits=8,keep=0,granularity=channel", second
    expected = apply(path, *recipe).data
    monkeypatch.setattr(nearest, "SLAB", 4096)
    assert apply(path, *recipe).data == expected


def test_weights_of_mostly_zeros_are_counted(save, apply, parse, monkeypatch):
    model = parse(ONE)
    values = numpy_helper.to_array(model.graph.initializer[0]) * (np.arange(192) % 16 == 0)
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(values.astype(np.float32), "W"))
    path, recipe = save(model), "quantize:bits=8,keep=0,granularity=tensor"
    expected = apply(path, recipe).data
    monkeypatch.setattr(nearest, "SLAB", 4096)
    assert apply(path, recipe).data == expected
