"""pack: other tools' zeros, grids and repetitions found, and never a bit changed."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import run, written
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from weight_models import BRANCHES, CONSTANT, CONV, FUNCTION, MATMUL, OUTPUT, TIED, filled, gaussian, opset, plain, stepped

from lightweight_cli.passes.pack.smallest import pack_all
from lightweight_cli.pipeline.context import Context
from lightweight_cli.pipeline.step_report import StepReport

W = gaussian(64, 32)
BITS_TABLE, NODES = 2048, 700  # what a model pays once for bitmasks, and for the nodes of an encoding
X = {"x": gaussian(5, 64, seed=1)}
ADD = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[n, 512] x) => (float[n, 512] y) <float[512] b> { y = Add (x, b) }
"""
LOOKUP = """
<ir_version: 8, opset_import: ["" : 17]>
g (int64[n] i) => (float[n, 32] y) <float[64, 32] W> { y = Gather (W, i) }
"""


def packed(bench, model, *feeds, changed=1):
    """Pack, and check that outputs and weights have the same bits. Returns: bytes saved, and how W is stored."""
    count, after = bench.apply(model, pack_all, *feeds)
    assert count == changed
    loaded = bench.load(after)
    return model.ByteSize() - after.ByteSize(), loaded


def test_random_floats_stay(bench):
    saved, _ = packed(bench, filled(MATMUL, W=W), X, changed=0)
    assert saved == 0


@pytest.mark.parametrize("threshold,bits", [(0.7, 32), (1.3, 32), (2.2, 40)])
@pytest.mark.parametrize("masked", [False, True])
def test_zeros_of_another_tool(bench, threshold, bits, masked):
    """Multiplied by a mask, negative weights become -0."""
    mask = np.abs(W) >= threshold
    pruned = W * mask if masked else np.where(mask, W, np.float32(0))
    assert np.signbit(pruned[pruned == 0]).any() == masked
    model = filled(MATMUL, W=pruned)
    saved, loaded = packed(bench, model, X)
    kept = np.count_nonzero(pruned)
    mask_bytes = W.size / 8 + BITS_TABLE if bits == 32 else 0
    assert W.nbytes - saved < kept * bits / 8 + mask_bytes + NODES
    assert np.array_equal(plain(loaded), pruned)


def test_the_sign_of_zeros_is_kept_where_it_shows(bench):
    pruned = W * (np.abs(W) > 1.5)
    feed = {"i": np.arange(64)}
    _, loaded = packed(bench, filled(LOOKUP, W=pruned), feed)
    assert plain(loaded).tobytes() == pruned.tobytes()
    text = MATMUL.replace("y = MatMul (x, W)", "p = MatMul (x, W) y = Div (p, W)").replace("[n, ", "[64, ")
    with np.errstate(divide="ignore"):
        _, loaded = packed(bench, filled(text, W=pruned), {"x": gaussian(64, 64, seed=3)})
    assert plain(loaded).tobytes() == pruned.tobytes()


def grid(values: np.ndarray, bits: int, axis: int | None, asymmetric: bool = False) -> np.ndarray:
    """Round as fake quantization does: float32(q * s)."""
    low, high = values.min(axis, keepdims=True), values.max(axis, keepdims=True)
    if asymmetric:
        s = ((high - low) / (2**bits - 1)).astype(np.float32)
        z = np.rint(-low / s)
        return ((np.clip(np.rint(values / s) + z, 0, 2**bits - 1) - z) * s).astype(np.float32)
    s = (np.maximum(-low, high) / (2 ** (bits - 1) - 1)).astype(np.float32)
    return np.rint(values / s).astype(np.float32) * s


@pytest.mark.parametrize("asymmetric", [False, True])
@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("bits", [8, 4])
def test_fake_quantized_weights(bench, bits, axis, asymmetric):
    wide = gaussian(256, 96)
    quantized = grid(wide, bits, axis, asymmetric)
    text = MATMUL.replace("64", "256").replace("32", "96").replace("float96", "float")
    feed = {"x": gaussian(3, 256, seed=1)}
    saved, loaded = packed(bench, filled(text, W=quantized), feed)
    assert wide.nbytes - saved < wide.size * bits / 8 + 256 * 5 + 1100  # the integers, scales and zero points, a table
    assert np.array_equal(plain(loaded), quantized)


@pytest.mark.parametrize("block", [16, 32, 64])
def test_blocks(bench, block):
    blocks = grid(gaussian(256 // block, block, 96), 4, 1).reshape(256, 96)
    text = MATMUL.replace("64", "256").replace("32", "96").replace("float96", "float")
    saved, _ = packed(bench, filled(text, W=blocks), {"x": gaussian(3, 256, seed=1)})
    assert blocks.nbytes - saved < blocks.size / 2 + 256 // block * 96 * 4 + 1000


def test_grids_of_convolutions_with_scales_of_any_size(bench):
    weight = gaussian(16, 8, 3, 3) * np.logspace(-30, 30, 16, dtype=np.float32)[:, None, None, None]
    weight[3] = 0
    quantized = np.stack([grid(w, 8, None) if w.any() else w for w in weight])
    feed = {"x": gaussian(1, 8, 9, 9, seed=1)}
    saved, loaded = packed(bench, filled(CONV, W=quantized), feed)
    assert saved > 0.6 * weight.nbytes and np.array_equal(plain(loaded), quantized)


def test_almost_a_grid_stays(bench):
    nearly = grid(gaussian(256, 96), 8, 0)
    at = np.unravel_index(np.abs(nearly).argmax(), nearly.shape)
    nearly[at] = np.nextafter(nearly[at], np.float32(np.inf))
    text = MATMUL.replace("64", "256").replace("32", "96").replace("float96", "float")
    _, loaded = packed(bench, filled(text, W=nearly), {"x": gaussian(3, 256, seed=1)}, changed=0)
    assert plain(loaded).tobytes() == nearly.tobytes()


def test_few_values(bench):
    values = np.random.default_rng(0).standard_normal(40).astype(np.float32)
    few = values[np.random.default_rng(1).integers(0, 40, (64, 32))]
    saved, _ = packed(bench, filled(MATMUL, W=few), X)
    assert few.nbytes - saved < few.size * 6 / 8 + 40 * 4 + 1536 + NODES  # planes of 4 and 2 bits, and their tables


def test_halves(bench):
    half = W.astype(np.float16).astype(np.float32)
    for version in (7, 17):
        saved, loaded = packed(bench, opset(filled(MATMUL, W=half), version), X)
        assert saved > half.nbytes / 2 - 100 and plain(loaded).tobytes() == half.tobytes()


def test_equal_rows(bench):
    rows = gaussian(9, 32)[np.random.default_rng(0).integers(0, 9, 64)]
    saved, loaded = packed(bench, filled(LOOKUP, W=rows), {"i": np.arange(64)})
    assert saved > rows.nbytes - 9 * 32 * 4 - 64 - 300 and plain(loaded).tobytes() == rows.tobytes()


def test_infinities_and_nan_are_kept(bench):
    odd = W * (np.abs(W) > 1.5)
    odd[0, :4] = np.inf, -np.inf, np.nan, 1e-45
    _, loaded = packed(bench, filled(LOOKUP, W=odd), {"i": np.arange(64)})
    assert plain(loaded).tobytes() == odd.tobytes()


def test_float64_and_float16(bench):
    for kind, dtype in (("double", np.float64), ("float16", np.float16)):
        text = LOOKUP.replace("float[", f"{kind}[")
        quantized = (np.rint(W * 2) * 0.37).astype(dtype)
        _, loaded = packed(bench, filled(text, W=quantized), {"i": np.arange(64)})
        assert plain(loaded).tobytes() == quantized.tobytes()


@pytest.mark.parametrize("text,feeds", [
    (BRANCHES, [{**X, "c": np.array(True)}, {**X, "c": np.array(False)}]), (CONSTANT, [X]), (FUNCTION, [X])])
def test_wherever_the_weight_is(bench, text, feeds):
    pruned = W * (np.abs(W) > 1.5)
    saved, _ = packed(bench, filled(text, W=pruned, V=grid(W, 4, 0)), *feeds, changed=text.count("MatMul"))
    assert saved > 0.5 * W.nbytes * text.count("MatMul")


def test_a_tied_weight(bench):
    packed(bench, filled(TIED, W=grid(W, 8, 1) + np.float32(0)), {"i": np.arange(64), "x": gaussian(3, 32)})


def test_a_large_bias(bench):
    saved, _ = packed(bench, filled(ADD, b=np.repeat(gaussian(4), 128)), {"x": gaussian(2, 512)})
    assert saved > 500


def test_what_stays_and_why(bench):
    few = np.sign(W)
    cases = [(filled(OUTPUT, W=few), "is an output of the graph"), (filled(MATMUL, W=W), "has no smaller exact form"),
             (filled(MATMUL.replace("[64, 32]", "[64, 0]"), W=W[:, :0]), "is empty")]
    for model, reason in cases:
        loaded = bench.load(model)
        report = stepped(loaded, pack_all)
        assert report.changed == 0 and [left.reason for left in report.left] == [reason]
        assert written(loaded).graph.initializer == model.graph.initializer
    for weight in (few, np.repeat(W[:4], 16, axis=0)):
        old = bench.load(opset(filled(MATMUL, W=weight), 6))
        assert stepped(old, pack_all).changed == 0


def test_integers_that_runtimes_compute_on_stay(bench):
    text = """
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[n, 64] x) => (float[n, 32] y) <int8[64, 32] Q, float[32] s>
    { W = DequantizeLinear <axis = 1> (Q, s)  y = MatMul (x, W) }
    """
    model = filled(text, Q=np.zeros((64, 32), np.int8), s=np.ones(32, np.float32))
    loaded = bench.load(model)
    (left,) = stepped(loaded, pack_all).left
    assert left.name == "W" and "DequantizeLinear" in left.reason and written(loaded) == model


def test_what_lwc_stored_is_stored_smaller(bench):
    from lightweight_cli.passes.prune.magnitude import prune_magnitude

    wide = gaussian(64, 512)  # enough of it that a decoding table pays
    ternary = (np.sign(wide) * (np.abs(wide) > 1.5)).astype(np.float32)
    model = bench.load(filled(MATMUL.replace("32]", "512]"), W=ternary + np.float32(1e-3) * (np.abs(wide) < 0.1)))
    stepped(model, prune_magnitude, threshold=0.5, relative=None, sparsity=None, scope="tensor")
    between = written(model)
    saved, loaded = packed(bench, between, X)
    assert saved > 200 and np.array_equal(plain(loaded), ternary)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_weight_comes_back(bench, data):
    """Whatever is found in a weight, its bits are the same after decoding by the runtime."""
    shape = data.draw(st.lists(st.integers(1, 40), min_size=1, max_size=4), label="shape")
    seed = data.draw(st.integers(0, 1 << 20), label="seed")
    kind = data.draw(st.sampled_from(["zeros", "few", "grid", "scaled", "half", "rows", "odd"]), label="kind")
    random = np.random.default_rng(seed)
    weight = random.standard_normal(shape, dtype=np.float32)
    if kind == "zeros":
        weight *= random.random(shape) < 0.3
    elif kind == "few":
        values = random.standard_normal(random.integers(1, 300)).astype(np.float32)
        weight = values[random.integers(0, values.size, shape)]
        weight = np.where(random.random(shape) < 0.2, np.float32(-0.0), weight)
    elif kind in ("grid", "scaled"):
        axis = None if kind == "grid" else int(random.integers(0, len(shape)))
        steps = random.random([1 if axis is None or i == axis else d for i, d in enumerate(shape)], np.float32)
        weight = random.integers(-8, 8, shape).astype(np.float32) * (steps + np.float32(0.01))
    elif kind == "half":
        weight = weight.astype(np.float16).astype(np.float32)
    elif kind == "rows":
        weight = weight[random.integers(0, 2, shape[0]) * (shape[0] - 1)]
    else:
        weight.reshape(-1)[:: max(1, weight.size // 5)] = random.choice(np.float32([np.inf, np.nan, -0.0, 1e-42, 3e38]))
    text = f"""
    <ir_version: 8, opset_import: ["" : 17]>
    g (int64[n] i) => (float{[*"n"] + shape[1:]} y) <float{shape} W> {{ y = Gather (W, i) }}
    """.replace("'", "")
    model = filled(text, W=weight)
    loaded = bench.load(model)
    pack_all(Context(loaded, StepReport("")))
    after = written(loaded)
    assert after.ByteSize() <= model.ByteSize()
    (got,) = run(after, {"i": np.arange(shape[0])})
    assert got.tobytes() == weight.tobytes() == plain(loaded).tobytes()


LOWEST = np.finfo(np.float32).min
MASKS = {
    "lowest": (LOWEST, 0), "1e38": (-1e38, 0), "inf": (-np.inf, 0), "all lowest": (LOWEST, LOWEST), "half lowest": (LOWEST / 2, 0),
    "lowest and largest": (LOWEST, -LOWEST), "largest": (0, -LOWEST), "1e4": (-1e4, 0), "subnormal": (-1e-45, 0),
    "smallest normal": (1.1754944e-38, -0.0), "nan": (np.nan, 0),
}
"""What exporters write above and below the diagonal of a causal mask, and worse."""


@pytest.mark.parametrize("above,below", MASKS.values(), ids=MASKS.keys())
@pytest.mark.parametrize("size", [16, 32, 64, 256])
@pytest.mark.parametrize("other", [None, LOWEST / 4, -1.0])
def test_masks_keep_every_bit(bench, above, below, size, other):
    """The next number above the largest is infinite: that is no group of zeros."""
    mask = np.where(np.triu(np.ones((size, size)), 1) > 0, above, below).astype(np.float32)
    if other is not None:
        mask[:, 3] = other
    text = f"""<ir_version: 8, opset_import: ["" : 17]>
        g (float[{size},{size}] x) => (float[{size},{size}] y) <float[{size},{size}] W> {{ y = Add (x, W) }}"""
    model = filled(text, W=mask)
    _, after = bench.apply(model, pack_all, {"x": np.zeros((size, size), np.float32)})
    assert plain(bench.load(after)).tobytes() == mask.tobytes()


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_extreme_values_keep_every_bit(bench, kind):
    """Grids whose steps are the type's extremes, with single values off the grid."""
    facts, random = np.finfo(kind), np.random.default_rng(0)
    name = {"float16": "float16", "float32": "float", "float64": "double"}[np.dtype(kind).name]
    text = f"""<ir_version: 8, opset_import: ["" : 17]>
        g ({name}[64,32] x) => ({name}[64,32] y) <{name}[64,32] W> {{ y = Max (x, W) }}"""
    feed = {"x": np.full((64, 32), -np.inf, kind)}
    for step in (facts.max, facts.max / 2, facts.max / 127, facts.tiny, facts.smallest_subnormal, facts.smallest_subnormal * 3):
        with np.errstate(over="ignore"):
            grid = (random.integers(-1, 2, (64, 32)) * kind(step)).astype(kind)
            wide = np.nan_to_num((random.integers(-127, 128, (64, 32)) * kind(step)).astype(kind))
        for values in (grid, wide):
            for odd in (None, np.inf, np.nan, -0.0, facts.max, facts.smallest_subnormal):
                if odd is not None:
                    values = values.copy()
                    values[random.integers(64), random.integers(32)] = odd
                _, after = bench.apply(filled(text, W=values), pack_all, feed)
                assert plain(bench.load(after)).tobytes() == values.tobytes()
