"""Dynamic int8: right by its values, fused by onnxruntime, wherever the weight is."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from integer_models import decibels, filled, in_integers, outputs

from lightweight_cli.compute import dynamic
from lightweight_cli.compute.integers import FULL, REDUCED, integers

HEAD = '<ir_version: 8, opset_import: ["" : 17]>'
RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((5, 64)).astype(np.float32)
ONE = f"{HEAD} g (float[n,64] x) => (float[n,32] y) <float[64,32] W> {{ y = MatMul (x, W) }}"
CASES = {
    "one": (ONE, {"DynamicQuantizeMatMul": 1}),
    "bias": (f"{HEAD} g (float[n,64] x) => (float[n,32] y) <float[64,32] W, float[32] b> {{ p = MatMul (x, W) y = Add (p, b) }}",
             {"DynamicQuantizeMatMul": 1}),
    "gemm": (f"{HEAD} g (float[n,64] x) => (float[n,32] y) <float[32,64] W, float[32] b> "
             "{ y = Gemm <transB = 1, alpha = 0.5, beta = 2.0> (x, W, b) }", {"DynamicQuantizeMatMul": 1}),
    "three": (f"{HEAD} g (float[n,64] x) => (float[n,32] y) <float[64,32] A, float[64,32] B, float[64,32] C> "
              "{ a = MatMul (x, A) b = MatMul (x, B) c = MatMul (x, C) s = Add (a, b) y = Add (s, c) }",
              {"DynamicQuantizeLinear": 1, "MatMulIntegerToFloat": 3}),
    "batch": (f"{HEAD} g (float[n,64] x) => (float[1,n,32] y) <float[64,32] W, int64[1] zero = {{0}}> "
              "{ u = Unsqueeze (x, zero) y = MatMul (u, W) }", {"DynamicQuantizeMatMul": 1}),
    "constant": (f"{HEAD} g (float[n,64] x) => (float[n,32] y) {{ W = Constant <value = float[1] {{0}}> () y = MatMul (x, W) }}",
                 {"DynamicQuantizeMatMul": 1}),
    "tied": (f"{HEAD} g (float[n,64] x, float[m,64] v) => (float[n,32] y, float[m,32] z) <float[64,32] W> "
             "{ y = MatMul (x, W) z = MatMul (v, W) }", {"DynamicQuantizeMatMul": 2}),
    "transposed": (f"{HEAD} g (float[n,64] x) => (float[n,32] y) <float[32,64] W> {{ t = Transpose <perm = [1,0]> (W) y = MatMul (x, t) }}",
                   {"DynamicQuantizeMatMul": 1}),
    "old": (ONE.replace("17", "11"), {"DynamicQuantizeMatMul": 1}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_layer_in_integers_is_fused_and_nearly_equal(name, tmp_path):
    text, fused = CASES[name]
    proto = filled(text)
    feed = {"x": X, "v": X[:3] * 2}
    feed = {i.name: feed[i.name] for i in proto.graph.input}
    path, candidate, _ = in_integers(tmp_path, proto, dynamic.NAME)
    (wanted, *_), _ = outputs(path, feed)
    (got, *_), made = outputs(candidate, feed, tmp_path)
    assert got.shape == wanted.shape and decibels(wanted, got) > 30
    assert fused.items() <= made.items()
    assert not {"MatMul", "Gemm", "MatMulInteger"} & made.keys()


def test_the_first_use_of_a_value_may_be_in_a_branch(tmp_path):
    """A branch has its own rounding of what it reads, though the graph around it rounds the same value."""
    text = f"""{HEAD} g (float[n,64] x, bool c) => (float[n,32] z) <float[64,32] W, float[64,32] U>
    {{ y = If (c) < then_branch = t () => (float[n,32] a) {{ a = MatMul (x, W) }},
                    else_branch = e () => (float[n,32] b) <float[64,32] V> {{ b = MatMul (x, V) }} >
       u = MatMul (x, U) z = Add (y, u) }}"""
    path, candidate, count = in_integers(tmp_path, filled(text), dynamic.NAME)
    assert count == 3
    for c in (True, False):
        feed = {"x": X, "c": np.array(c)}
        assert decibels(outputs(path, feed)[0][0], outputs(candidate, feed)[0][0]) > 30


def test_a_value_is_rounded_before_its_first_reader(tmp_path):
    """W is met first, and reads v long after U does."""
    text = f"""{HEAD} g (float[n,64] x) => (float[n,32] y) <float[64,32] W, float[64,32] U>
    {{ a = MatMul (x, W) v = Relu (x) b = MatMul (v, U) c = MatMul (v, W) s = Add (a, b) y = Add (s, c) }}"""
    path, candidate, count = in_integers(tmp_path, filled(text), dynamic.NAME)
    assert count == 2 and decibels(outputs(path, {"x": X})[0][0], outputs(candidate, {"x": X})[0][0]) > 30


def test_balanced_values_are_rounded_finer(tmp_path):
    """Once for all that read them; not where a weight has other readers too."""
    text = f"""{HEAD} g (float[n,64] x) => (float[n,32] y, float[n,32] z) <float[64,64] V, float[64,32] A, float[64,32] B, float[64,32] T>
    {{ v = MatMul (x, V) a = MatMul (v, A) b = MatMul (v, B) y = Add (a, b) t = MatMul (x, T) u = MatMul (v, T) z = Add (t, u) }}"""
    proto = filled(text)
    from onnx import numpy_helper

    v = next(i for i in proto.graph.initializer if i.name == "V")
    v.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(v) * np.where(np.arange(64) < 2, 60, 1).astype(np.float32), "V"))
    factors = np.where(np.arange(64) < 2, 30.0, 1.0)
    told = {}
    for name, balance in (("plain", {}), ("balanced", {"v": factors})):
        (tmp_path / name).mkdir()
        path, candidate, _ = in_integers(tmp_path / name, proto, dynamic.NAME, balance=balance)
        wanted, got = outputs(path, {"x": X})[0], outputs(candidate, {"x": X})[0]
        told[name] = decibels(wanted[0], got[0]), decibels(wanted[1], got[1])
        rounded = [n.input[0] for n in onnx.load(candidate).graph.node if n.op_type == "DynamicQuantizeLinear"]
        assert sorted(rounded) == (["v", "x"] if name == "plain" else ["v", "v.b", "x"])
    assert told["balanced"][0] >= told["plain"][0] - 1 and told["balanced"][1] == told["plain"][1]


@pytest.mark.parametrize("also,folded", [("", True), (" r = Relu (v) z = ReduceSum (r)", False)])
def test_factors_go_into_the_normalization_before_if_nothing_else_reads_it(also, folded, tmp_path):
    text = f"""{HEAD} g (float[n,64] x) => (float[n,32] y{", float z" if also else ""})
    <float[64] s, float[64] m, float[64,32] A, float[64,32] B>
    {{ v = LayerNormalization (x, s, m) a = MatMul (v, A) b = MatMul (v, B) y = Add (a, b){also} }}"""
    factors = np.linspace(0.5, 4, 64)
    path, candidate, _ = in_integers(tmp_path, filled(text), dynamic.NAME, balance={"v": factors})
    (wanted, *same), (got, *others) = outputs(path, {"x": X})[0], outputs(candidate, {"x": X})[0]
    assert decibels(wanted, got) > 30 and same == others
    made = onnx.load(candidate).graph
    assert ("v.b" in {o for n in made.node for o in n.output}) != folded and ("s" in {t.name for t in made.initializer}) != folded


@pytest.mark.parametrize("text", [
    f"{HEAD} g (float[n,64] x) => (float[n,32] y, float[64,32] W) <float[64,32] W> {{ y = MatMul (x, W) }}",
    f"{HEAD} g (int64[n] i, float[n,32] x) => (float[n,32] e, float[n,64] y) <float[64,32] W> "
    "{ e = Gather (W, i) t = Transpose <perm = [1,0]> (W) y = MatMul (x, t) }",
    f"{HEAD} g (float[n,8] x) => (float[n,4] y) <float[8,4] W> {{ y = MatMul (x, W) }}",
    f"{HEAD} g (float[n,64] x) => (float[n,0] y) <float[64,0] W> {{ y = MatMul (x, W) }}",
    """<ir_version: 8, opset_import: ["" : 17, "own" : 1]> g (float[n,64] x) => (float[n,32] y) { y = own.dense (x) }
    <domain: "own", opset_import: ["" : 17]> dense (x) => (y) { W = Constant <value = float[1] {0}> () y = MatMul (x, W) }""",
], ids=["output", "looked up", "small", "empty", "function"])
def test_what_does_not_fit_stays(text, tmp_path):
    assert in_integers(tmp_path, filled(text), dynamic.NAME)[2] == 0


@pytest.mark.parametrize("reduced,top", [(False, FULL), (True, REDUCED)])
def test_codes_are_signed_and_keep_to_their_bits(reduced, top):
    matrix = RANDOM.standard_normal((6, 500)).astype(np.float32)
    matrix[2] = 0
    found = integers(matrix, reduced)
    assert found.codes.dtype == np.int8 and np.abs(found.codes.astype(int)).max() == top
    assert not found.codes[2].any() and found.scale[2] == 1
    decoded = found.codes * found.scale[:, None]
    assert ((decoded - matrix) ** 2).sum() / (matrix**2).sum() < (1e-4 if not reduced else 4e-4)
    with pytest.raises(ValueError, match="not finite"):
        integers(np.full((1, 4), np.inf, np.float32), reduced)
