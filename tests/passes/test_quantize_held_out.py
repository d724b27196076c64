"""Held-out rows judge each layer: data never make one worse than plain rounding, and the report says how far it is off."""

from __future__ import annotations

import json

import numpy as np
import pytest

import lightweight_cli
from lightweight_cli.numerics.held_out import HeldOut, relative_errors

HEAD = '<ir_version: 8, opset_import: ["" : 17]>'
MATMUL = f"{HEAD} g (float[N,96] x) => (float[N,40] y) <float[96,40] W> {{ y = MatMul (x, W) }}"
CONV = f"{HEAD} g (float[N,8,9,9] x) => (float[N,24,9,9] y) <float[24,4,3,3] W> {{ y = Conv <pads = [1,1,1,1], group = 2> (x, W) }}"


def correlated(count: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    mixed = random.standard_normal((count, 6)) @ np.random.default_rng(1).standard_normal((6, 96))
    return (mixed + 0.1 * random.standard_normal((count, 96))).astype(np.float32)


def test_the_error_is_that_of_the_outputs():
    random = np.random.default_rng(0)
    w, q, x, o = (random.standard_normal(s).astype(np.float32) for s in ((2, 5, 7), (2, 5, 7), (2, 300, 7), (2, 300, 7)))
    wanted, got = np.einsum("goi,gni->gno", w, o), np.einsum("goi,gni->gno", q, x)
    assert relative_errors(w, [q], HeldOut(x, o))[0] == pytest.approx(((got - wanted) ** 2).sum() / (wanted**2).sum(), rel=1e-5)
    assert relative_errors(w, [w, q], HeldOut(x))[0] == 0
    assert relative_errors(w, [q], HeldOut(x, np.zeros_like(o))) == [np.inf]
    assert np.isnan(relative_errors(w, [q], HeldOut(np.full_like(x, np.nan)))[0])


def test_rows_that_other_samples_contradict_leave_nearest(save):
    """All that is fitted lies in one direction, all that is held out (every fifth batch) in others."""
    source, fitted, other = save(MATMUL), correlated(320, 0), np.random.default_rng(5).standard_normal((320, 96)).astype(np.float32)
    fitted = np.outer(fitted[:, 0], np.ones(96)).astype(np.float32)
    held = np.arange(320) // 32 % 5 == 4
    data = np.where(held[:, None], other, fitted)
    step = lightweight_cli.run(source, ["quantize:bits=4,keep=0,granularity=channel"], calibrate=[{"x": data}]).steps[0]
    assert step.weights[0].method == "nearest: second order was no better on held-out rows" and step.weights[0].error > 0


@pytest.mark.parametrize("count", [6, 40, 400])
@pytest.mark.parametrize("text", [MATMUL, CONV])
def test_the_report_has_bits_method_and_error(text, count, save):
    source = save(text)
    feed = {"x": correlated(count, 0) if text is MATMUL else correlated(count * 81, 0)[:, :8].reshape(count, 8, 9, 9)}
    step = lightweight_cli.run(source, ["quantize:bits=4,keep=0"], calibrate=[feed]).steps[0]
    weight = step.weights[0]
    assert weight.bits == 4 and weight.method and 0 < weight.error < 0.1
    assert step.calibrated == (count, count, False)
    assert json.loads(json.dumps(step.to_json()))["weights"][0]["error"] == weight.error


def test_a_sample_alone_has_no_rows_to_spare(save):
    step = lightweight_cli.run(save(MATMUL), ["quantize:bits=4,keep=0"], calibrate=[{"x": correlated(1, 0)}]).steps[0]
    assert step.weights[0].error is None and step.weights[0].method == "second order on data"


def test_the_bias_takes_up_the_mean_of_the_error(save, execute):
    """Each layer's, also of the first, whose bias stands in an Add."""
    text = f"""{HEAD} g (float[N,96] x) => (float[N,40] y) <float[96,64] V, float[64] a, float[64,40] W, float[40] b> {{
        c = MatMul (x, V)  d = Add (c, a)  e = Relu (d)  y = Gemm (e, W, b) }}"""
    source, feed = save(text), {"x": correlated(400, 0) + 1}
    made = lightweight_cli.run(source, ["quantize:bits=3,keep=0"], calibrate=[feed])
    made.save(source + ".out", check=False)
    old, new = execute(source, feed)[0], execute(source + ".out", feed)[0]
    plain = lightweight_cli.run(source, ["quantize:bits=3,keep=0,method=nearest"])
    plain.save(source + ".plain", check=False)
    error, other = (np.abs((n - old).mean(0)).max() for n in (new, execute(source + ".plain", feed)[0]))
    assert error < 1e-3 * np.abs(old).mean() < other
