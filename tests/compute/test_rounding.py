"""Codes by second order: nearer on rows that chose nothing, whatever the form, and with the biases that go with them."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from integer_models import Ranges, decibels, filled, outputs
from test_static import ranges_of

from lightweight_cli.calibration.calibration import Calibration
from lightweight_cli.compute import dynamic, operators, static
from lightweight_cli.compute.apply import apply
from lightweight_cli.compute.emulated import emulate
from lightweight_cli.compute.layer import layers_of
from lightweight_cli.compute.rounding import rounded
from lightweight_cli.compute.seen import Seen
from lightweight_cli.data.portion import Portion
from lightweight_cli.model.load import load
from lightweight_cli.model.output_folder import write_into
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.weights.search import find_weights

HEAD = '<ir_version: 8, opset_import: ["" : 17]>'
RANDOM = np.random.default_rng(0)
MATMUL = f"""{HEAD} g (float[n,64] x) => (float[n,32] y) <float[64,96] W, float[96] b, float[32,96] V, float[32] c>
    {{ p = MatMul (x, W) q = Add (p, b) r = Relu (q) y = Gemm <transB = 1> (r, V, c) }}"""
CONV = f"""{HEAD} g (float[n,8,10,10] x) => (float[n,16,10,10] y) <float[16,8,3,3] A, float[16] a, float[16,8,3,3] B>
    {{ p = Conv <pads = [1,1,1,1]> (x, A, a) r = Relu (p) y = Conv <pads = [1,1,1,1], group = 2> (r, B) }}"""


def correlated(rows: int, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Values of few causes, smooth over space, as activations are."""
    random, (channels, *space) = np.random.default_rng(seed), shape
    causes = random.standard_normal((rows, 6, *space))
    for axis in range(2, causes.ndim):
        causes = causes.cumsum(axis) / 2
    mixed = np.einsum("nk...,kc->nc...", causes, MIX[:, :channels]) + 0.1 * random.standard_normal((rows, *shape))
    return (mixed + 0.5).astype(np.float32)


MIX = RANDOM.standard_normal((6, 64))


@pytest.mark.parametrize(("text", "form", "balance"), [
    (MATMUL, dynamic.NAME, False), (MATMUL, dynamic.NAME, True), (MATMUL, static.NAME, False), (MATMUL, static.NAME, True),
    (MATMUL, static.SYMMETRIC, True), (CONV, static.NAME, False), (CONV, static.SYMMETRIC, False), (CONV, operators.NAME, False)])
def test_outputs_are_nearer_than_with_nearest_codes(text, form, balance, tmp_path, monkeypatch):
    shape = (64,) if text is MATMUL else (8, 10, 10)
    seen, fresh = correlated(160, shape, 1), correlated(32, shape, 2)
    monkeypatch.setattr("test_static.X", seen)
    path, data = str(tmp_path / "float.onnx"), str(tmp_path / "data.npz")
    onnx.save(filled(text), path)
    onnx.save(filled(text), tmp_path / "all.onnx")
    np.savez(data, x=seen)
    ranges: Ranges = ranges_of(str(tmp_path / "all.onnx"), "minmax") if form != dynamic.NAME else {}
    factors = np.linspace(0.5, 2, 64)
    reach = np.abs(seen / factors).max() if balance else 0.0
    plain = Seen(ranges, {"x": factors}, {"x": (-reach, reach)}) if balance else Seen(ranges)
    model = load(path)
    decisions = {layer.key: form for layer in layers_of(find_weights(model, Scopes(model.proto)))[0]}
    found = rounded(Calibration(Portion((data,)), held_out=True), path, decisions, True, plain)
    assert set(found.codes) == set(decisions) and found.shifts
    floats = load(path)
    emulate(floats, decisions, plain)  # what is lost by rounding activations is not for weights to bring back
    wanted, got = outputs(write_into(floats, str(tmp_path), "emulated"), {"x": fresh})[0][0], []
    for known in (plain, found):
        candidate = load(path)
        apply(candidate, decisions, True, known)
        got.append(decibels(wanted, outputs(write_into(candidate, str(tmp_path), f"made{len(got)}"), {"x": fresh})[0][0]))
    assert got[1] > got[0] + 1, got
