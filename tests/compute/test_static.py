"""Static int8: onnxruntime computes on integers what is between QuantizeLinear and DequantizeLinear, and gives nearly the same."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import pytest
from integer_models import decibels, filled, in_integers, outputs

from lightweight_cli.compute import operators, static
from lightweight_cli.numerics.spread import METHODS, Spread, affine

HEAD = '<ir_version: 8, opset_import: ["" : 17]>'
RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((2, 8, 10, 10)).astype(np.float32)
BLOCK = f"""{HEAD} g (float[n,8,10,10] x) => (float[n,4,10,10] y)
<float[16,8,3,3] A, float[16] a, float[16,16,3,3] B, float[16,8,1,1] C, float[4,16,1,1] D>
{{ p = Conv <pads = [1,1,1,1]> (x, A, a) r = Relu (p) q = Conv <pads = [1,1,1,1]> (r, B) s = Conv (x, C)
   t = Add (q, s) u = Relu (t) y = Conv (u, D) }}"""
CASES = {
    "residual": (BLOCK, {"QLinearConv": 4, "QLinearAdd": 1}, {"Relu", "Conv", "Add"}),
    "clip": (f"""{HEAD} g (float[n,8,10,10] x) => (float[n,16,10,10] y) <float[16,8,3,3] A, float low = {{0}}, float six = {{6}}>
        {{ p = Conv <pads = [1,1,1,1]> (x, A) y = Clip (p, low, six) }}""", {"QLinearConv": 1}, {"Clip", "Conv"}),
    "groups": (f"""{HEAD} g (float[n,8,10,10] x) => (float[n,16,8,8] y) <float[16,4,3,3] A> {{ y = Conv <group = 2> (x, A) }}""",
               {"QLinearConv": 1}, {"Conv"}),
    "pooled": (f"""{HEAD} g (float[n,8,10,10] x) => (float[n,16,1,1] z) <float[16,8,3,3] A, float[16,16,3,3] B>
        {{ p = Conv (x, A) r = Relu (p) m = MaxPool <kernel_shape = [2,2], strides = [2,2]> (r) q = Conv (m, B)
           z = GlobalAveragePool (q) }}""", {"QLinearConv": 2}, {"Conv"}),
    "joined": (f"""{HEAD} g (float[n,8,10,10] x) => (float[n,8,10,10] y) <float[8,8,1,1] A, float[8,8,1,1] B, float[8,16,1,1] C>
        {{ p = Conv (x, A) q = Conv (x, B) c = Concat <axis = 1> (p, q) y = Conv (c, C) }}""",
        {"QLinearConv": 3, "QLinearConcat": 1}, {"Conv"}),
    "read by two": (f"""{HEAD} g (float[n,8,10,10] x) => (float[n,8,10,10] y, float[n,8,10,10] p) <float[8,8,1,1] A, float[8,8,1,1] B>
        {{ p = Conv (x, A) s = Sigmoid (p) y = Conv (s, B) }}""", {"QLinearConv": 2}, {"Conv"}),
    "gemm": (f"""{HEAD} g (float[n,8,10,10] x) => (float[n,16] y) <float[16,800] W, float[16] b, float[16,24] V>
        {{ f = Flatten (x) h = Gemm <transB = 1> (f, W, b) y = Relu (h) }}""", {"QGemm": 1}, {"Gemm", "Relu"}),
}


def ranges_of(path: str, method: str) -> dict[str, tuple[float, float]]:
    """Return the range of every value of a model on the data of the test."""
    proto = onnx.load(path)
    names = [o for n in proto.graph.node for o in n.output]
    known = {o.name for o in proto.graph.output}
    proto.graph.output.extend(onnx.ValueInfoProto(name=n) for n in names if n not in known)
    onnx.save(proto, path + ".all")
    found = {"x": X}
    session_outputs, _ = outputs(path + ".all", {"x": X})
    found |= dict(zip([o.name for o in proto.graph.output], session_outputs, strict=True))
    spreads = {}
    for name, values in found.items():
        spreads[name] = Spread()
        spreads[name].add(values)
    return {name: s.extent(method) for name, s in spreads.items()}


@pytest.mark.parametrize("name", CASES)
def test_layers_are_computed_on_integers(name, tmp_path):
    text, wanted_ops, gone = CASES[name]
    proto = filled(text)
    onnx.save(proto, tmp_path / "all.onnx")
    path, candidate, count = in_integers(tmp_path, proto, static.NAME, ranges_of(str(tmp_path / "all.onnx"), "minmax"))
    wanted, _ = outputs(path, {"x": X})
    got, made = outputs(candidate, {"x": X}, tmp_path)
    assert count == sum(v for k, v in wanted_ops.items() if k in ("QLinearConv", "QGemm"))
    assert wanted_ops.items() <= made.items() and not gone & made.keys(), made
    for a, b in zip(wanted, got, strict=True):
        assert a.shape == b.shape and decibels(a, b) > 28
    onnx.checker.check_model(onnx.load(candidate), full_check=True)


@pytest.mark.parametrize("name", CASES)
def test_operators_on_integers_give_the_same(name, tmp_path):
    """From opset 12 on here, in which DequantizeLinear has no scale for each output."""
    proto = filled(CASES[name][0].replace(": 17", ": 12"))
    onnx.save(proto, tmp_path / "all.onnx")
    ranges = ranges_of(str(tmp_path / "all.onnx"), "minmax")
    told, qdq, _ = in_integers(tmp_path, filled(CASES[name][0]), static.NAME, ranges)
    as_qdq, wanted = outputs(qdq, {"x": X})[0], outputs(told, {"x": X})[0]
    _, candidate, count = in_integers(tmp_path, proto, operators.NAME, ranges)
    got, _ = outputs(candidate, {"x": X})
    made = Counter(n.op_type for n in onnx.load(candidate).graph.node)
    assert made["QLinearConv"] + made["QGemm"] == count and not {"Conv", "Gemm", "MatMul", "Add", "Concat"} & made.keys()
    for a, b, c in zip(wanted, as_qdq, got, strict=True):
        assert decibels(a, c) > 28 and np.abs(b - c).max() < np.abs(b).max() / 30  # some steps
    kept = onnx.load(candidate)
    assert {t.name for t in kept.graph.initializer if "." in t.name} <= {i for n in kept.graph.node for i in n.input}


@pytest.mark.parametrize("text", [
    f"""{HEAD} g (float[n,8,10,10] x) => (float[n,8,10,10] y) <float[8,8,1,1] A, float[8] s, float[8] b, float[8] m, float[8] v>
    {{ p = Conv (x, A) y = BatchNormalization (p, s, b, m, v) }}""",
    f"""{HEAD} g (float[n,8,10,10] x, float[8] b) => (float[n,8,10,10] y) <float[8,8,1,1] A> {{ y = Conv (x, A, b) }}""",
    f"""{HEAD} g (float[n,8,10,10] x, bool c) => (float[n,8,10,10] y) <float[8,8,1,1] A>
    {{ y = If (c) < then_branch = t () => (float[n,8,10,10] a) {{ a = Conv (x, A) }},
                    else_branch = e () => (float[n,8,10,10] b) {{ b = Relu (x) }} > }}""",
], ids=["normalized", "computed bias", "branch"])
def test_what_does_not_fit_says_why(text, tmp_path):
    from lightweight_cli.compute.layer import layers_of
    from lightweight_cli.model.load import load
    from lightweight_cli.model.scopes import Scopes
    from lightweight_cli.weights.search import find_weights

    onnx.save(filled(text), tmp_path / "m.onnx")
    model = load(str(tmp_path / "m.onnx"))
    layers, _ = layers_of(find_weights(model, Scopes(model.proto)))
    assert layers and all(static.unfit(layer) for layer in layers)


@pytest.mark.parametrize("method", METHODS)
def test_ranges_hold_what_counts(method):
    values = np.concatenate([RANDOM.standard_normal(200_000), [40.0]]).astype(np.float32)
    spread = Spread()
    for part in np.array_split(values, 7):
        spread.add(part)
    low, high = spread.extent(method)
    assert low <= 0 <= high and spread.counts.sum() == values.size
    assert (high == 40) if method == "minmax" else 2.5 < high <= 40
    one_sided = Spread()
    one_sided.add(np.abs(values))
    assert one_sided.extent(method)[0] == 0
    assert Spread().extent(method) == (0, 0)


def test_zero_has_a_code():
    for low, high in ((-1.0, 3.0), (0.0, 6.0), (-5.0, 0.0), (0.0, 0.0)):
        scale, zero = affine(low, high)
        assert 0 <= zero <= 255 and scale > 0 and abs((0 - zero) * scale - low) <= scale
