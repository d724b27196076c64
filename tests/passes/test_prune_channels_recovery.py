"""prune-channels with data: what stays makes up for what went, biases and means with it, and only where rows set aside say so."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import lightweight_cli
from lightweight_cli.numerics import elimination, fewer_inputs
from lightweight_cli.numerics.moments import of_rows

HEAD = '<ir_version: 8, opset_import: ["" : 17]>'
TEXTS = {
    "MatMul, Add": f"""{HEAD} g (float[N,12] x) => (float[N,6] y) <float[12,16] W, float[16] w, float[16,6] V, float[6] v>
                       {{ a = MatMul (x, W)  b = Add (a, w)  c = Relu (b)  d = MatMul (c, V)  y = Add (d, v) }}""",
    "depthwise": f"""{HEAD} g (float[N,4,6,6] x) => (float[N,6,4,4] y)
                <float[16,4,3,3] W, float[16] w, float[16,1,1,1] D, float[6,16,1,1] V>
                {{ a = Conv (x, W, w)  b = Conv <group = 16> (a, D)  c = Relu (b)  y = Conv (c, V) }}""",
    "BatchNormalization": f"""{HEAD} g (float[N,4,6,6] x) => (float[N,6,4,4] y)
        <float[16,4,3,3] W, float[16] w, float[6,16,1,1] V, float[6] s, float[6] t, float[6] m, float[6] u = {{1,1,1,1,1,1}}>
        {{ a = Conv (x, W, w)  c = Relu (a)  d = Conv (c, V)  n = BatchNormalization (d, s, t, m, u)  y = Relu (n) }}""",
    "tied": f"""{HEAD} g (float[N,12] x) => (float[N,6] y, float[N,6] z) <float[12,16] W, float[16] w, float[16,6] V>
                {{ a = MatMul (x, W)  b = Add (a, w)  c = Relu (b)  y = MatMul (c, V)  e = Sigmoid (b)  z = MatMul (e, V) }}""",
}


def redundant(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Let the second half of what the first layer makes be twice the first half: half of the channels say nothing new."""
    for tensor in proto.graph.initializer:
        values = numpy_helper.to_array(tensor).copy()
        if tensor.name in ("W", "w", "D"):
            values = np.moveaxis(values, values.shape.index(16), 0)
            values[8:] = values[:8] * (1 if tensor.name == "D" else 2)
            axis = list(tensor.dims).index(16)
            values = np.abs(np.moveaxis(values, 0, axis)) if tensor.name == "w" else np.moveaxis(values, 0, axis)
            tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), tensor.name))
    return proto


def sqnr(execute, whole: str, small: str, feed: dict[str, np.ndarray]) -> float:
    a, b = execute(whole, feed)[0], execute(small, feed)[0]
    return float(10 * np.log10(np.square(a).sum() / np.square(a - b).sum()))


@pytest.mark.parametrize("name", TEXTS)
def test_channels_that_say_nothing_new_go_without_a_loss(save, parse, apply, execute, tmp_path, name):
    whole, R = save(redundant(parse(TEXTS[name]))), np.random.default_rng(1)
    shape = (160, 12) if "[N,12]" in TEXTS[name] else (60, 4, 6, 6)
    calibrate, feed = ({"x": R.standard_normal(shape).astype(np.float32)} for _ in range(2))
    step = "prune-channels:channels=0.5"
    plain = apply(whole, f"{step},no_recover=true").path
    result = lightweight_cli.run(whole, [step], calibrate=[calibrate])
    result.save(tmp_path / "recovered.onnx", check=False)
    assert result.steps[0].options["importance"] == "reconstruction" and result.steps[0].calibrated is not None
    before, after = (sqnr(execute, whole, path, feed) for path in (plain, str(tmp_path / "recovered.onnx")))
    assert before < 16 and after > (30 if name != "tied" else before + 6)  # one matrix for two uses


def test_without_data_other_inputs_decide(save, parse):
    text = f"""{HEAD} g (float[N,3,16,16] x) => (float[N,6] y) <float[16,3,3,3] W, float[16] w, float[6,16,1,1] V, float[6] v>
               {{ a = Conv (x, W, w)  b = Relu (a)  c = Conv (b, V, v)  p = GlobalAveragePool (c)  y = Flatten (p) }}"""
    whole = save(redundant(parse(text)))
    result = lightweight_cli.run(whole, ["prune-channels:channels=0.5"])
    assert any(n.startswith("recovered without data: ") for n in result.steps[0].notes), result.steps[0].notes


def test_the_solution_is_least_squares():
    R = np.random.default_rng(0)
    W, x = R.standard_normal((2, 5, 7)), R.standard_normal((2, 400, 7)) @ R.standard_normal((7, 7))
    y = x @ W.swapaxes(1, 2)
    stays = np.ones((2, 7), bool)
    stays[0, 2:4] = stays[1, 0] = False
    for groups in (slice(0, 1), slice(0, 2)):
        found = fewer_inputs.refitted(W[groups], stays[groups], of_rows(x[groups], y[groups]), 1e-9)
        for g in range(len(found)):
            K = stays[g]
            assert np.allclose(found[g][:, K].T, np.linalg.lstsq(x[g][:, K], y[g], rcond=None)[0], atol=1e-5)
            assert not found[g][:, ~K].any()


def test_the_order_is_by_what_is_lost():
    """Blocks of which one repeats another, one matters little and one much."""
    R = np.random.default_rng(0)
    x = R.standard_normal((1000, 8))
    x[:, 2:4] = x[:, 0:2] + 1e-3 * R.standard_normal((1000, 2))
    W = np.ones((3, 8)) * [1, 1, 1, 1, 0.01, 0.01, 5, 5] + 0.01 * R.standard_normal((3, 8))
    S = x.T @ x / 1000
    lost = elimination.order([elimination.Reader(W, S, np.arange(8) // 2)], 4)
    first, second, third, last = np.argsort(lost).tolist()
    assert {first, second} <= {0, 1, 2} and 2 in {first, second} and last == 3 and third in (0, 1)
    kept = np.arange(8) // 2 != first
    rest = x @ W.T - x[:, kept] @ np.linalg.lstsq(x[:, kept], x @ W.T, rcond=None)[0]
    assert lost[first] == pytest.approx(np.square(rest).sum() / np.square(x @ W.T).sum(), rel=1e-3)
