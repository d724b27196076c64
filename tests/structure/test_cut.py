"""Channels go, and every shape follows: exactly the model with those channels at zero where layers read them."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from structure.masking import cut_and_masked, whole_numbers

import lightweight_cli

HEAD = '<ir_version: 8, opset_import: ["" : {opset}]> g (float[N,4,6,6] x) => (float[N,5] y) <'
TAIL = "p = GlobalAveragePool (last) f = Flatten (p) y = Gemm <transB = 1> (f, G, g0) }"
CONVS = "float[8,4,3,3] A, float[8] a0, float[8,8,3,3] B, float[8] b0, float[5,8] G, float[5] g0"
K = "kernel_shape = [3,3], pads = [1,1,1,1]"
CASES = {
    "chain": (17, CONVS, f"a = Conv <{K}> (x, A, a0) r = Relu (a) last = Conv <{K}> (r, B, b0)"),
    "residual": (17, CONVS, f"a = Conv <{K}> (x, A, a0) r = Relu (a) b = Conv <{K}> (r, B, b0) last = Add (b, r)"),
    "batch normalization": (
        17, CONVS + ", float[8] s, float[8] t, float[8] m, float[8] v = {1,1,1,1,1,1,1,1}",
        f"a = Conv <{K}> (x, A) n = BatchNormalization <epsilon = 0.0> (a, s, t, m, v) last = Conv <{K}> (n, B)"),
    "depthwise": (17, CONVS + ", float[8,1,3,3] D",
                  f"a = Conv <{K}> (x, A) d = Conv <group = 8, {K}> (a, D, a0) last = Conv <{K}> (d, B)"),
    "depthwise, two of each": (17, CONVS + ", float[16,1,3,3] D, float[8,16,3,3] E",
                               f"a = Conv <{K}> (x, A) d = Conv <group = 8, {K}> (a, D) last = Conv <{K}> (d, E)"),
    "grouped": (17, CONVS + ", float[12,4,3,3] D, float[8,12,3,3] E",
                f"a = Conv <{K}> (x, A) d = Conv <group = 2, {K}> (a, D) last = Conv <{K}> (d, E)"),
    "transposed conv": (17, CONVS + ", float[8,6,2,2] T, float[8,6,3,3] E",
                        f"a = Conv <{K}> (x, A) t = ConvTranspose <strides = [2,2]> (a, T) last = Conv <{K}> (t, E)"),
    "concat": (17, CONVS + ", float[8,20,3,3] E", f"""a = Conv <{K}> (x, A) b = Conv <{K}> (a, B, b0) c = Concat <axis = 1> (a, b, x)
               last = Conv <{K}> (c, E)"""),
    "gate of a block": (17, CONVS + ", float[4,8,1,1] R, float[8,4,1,1] S", f"""a = Conv <{K}> (x, A) q = GlobalMaxPool (a)
               u = Conv (q, R) w = Relu (u) z = Conv (w, S) h = Mul (a, z) last = Conv <{K}> (h, B)"""),
    "split": (17, CONVS + ", int64[2] parts = {3, 5}, float[8,3,3,3] E", f"""a = Conv <{K}> (x, A) l, k = Split <axis = 1> (a, parts)
               e = Conv <{K}> (l, E) m = Concat <axis = 1> (k, l) n = Conv <{K}> (m, B) last = Add (n, e)"""),
    "split in halves": (18, CONVS + ", float[8,4,3,3] E", f"""a = Conv <{K}> (x, A) l, k = Split <axis = 1, num_outputs = 2> (a)
               m = Mul (l, k) last = Conv <{K}> (m, E)"""),
    "split, old": (11, CONVS + ", float[8,5,3,3] E", f"""a = Conv <{K}> (x, A) l, k = Split <axis = 1, split = [3, 5]> (a)
               last = Conv <{K}> (k, E)"""),
    "slice": (17, CONVS + ", float[8,4,3,3] E, int64[1] from = {2}, int64[1] to = {-2}, int64[1] of = {1}",
              f"a = Conv <{K}> (x, A) s = Slice (a, from, to, of) last = Conv <{K}> (s, E)"),
    "slice, old": (9, CONVS + ", float[8,4,3,3] E", f"""a = Conv <{K}> (x, A) s = Slice <axes = [1], starts = [2], ends = [6]> (a)
                   last = Conv <{K}> (s, E)"""),
    "gather": (17, CONVS + ", int64[8] order = {7,0,3,3,1,2,-3,4}",
               f"a = Conv <{K}> (x, A) s = Gather <axis = 1> (a, order) last = Conv <{K}> (s, B)"),
    "pad, pool, resize": (17, CONVS + ", int64[8] pads = {0,0,1,1,0,0,1,1}, float roi, float[4] scale = {1.0,1.0,2.0,2.0}",
                          f"""a = Conv <{K}> (x, A) p0 = Pad (a, pads) m = MaxPool <kernel_shape = [2,2]> (p0)
                          u = Resize <mode = "nearest"> (m, , scale) last = Conv <{K}> (u, B)"""),
    "resize to sizes": (17, CONVS + ", int64[4] to = {1, 8, 12, 12}", f"""a = Conv <{K}> (x, A)
                        u = Resize <mode = "nearest"> (a, , , to) last = Conv <{K}> (u, B)"""),
    "resize to computed sizes": (
        17, CONVS + ", int64[1] zero = {0}, int64[1] two = {2}, int64[2] space = {12, 12}",
        f"""a = Conv <{K}> (x, A) h = Shape (a) c = Slice (h, zero, two) t = Concat <axis = 0> (c, space)
            u = Resize <mode = "nearest"> (a, , , t) last = Conv <{K}> (u, B)"""),
    "reshape with a number": (17, CONVS + ", int64[4] to = {0, 8, 3, -1}",
                              f"a = Conv <{K}> (x, A) s = Reshape (a, to) last = Conv (s, B)"),
    "shuffle": (17, CONVS + ", int64[5] cut = {0,2,4,6,6}, int64[4] back = {0,8,6,6}", f"""a = Conv <{K}> (x, A) s = Reshape (a, cut)
                t = Transpose <perm = [0,2,1,3,4]> (s) b = Reshape (t, back) last = Conv <{K}> (b, B)"""),
    "in two axes less": (17, CONVS + ", int64[2] of = {2,3}, float[8,8] W", """a = Conv (x, A, a0)
                         m = ReduceMax <axes = [2,3], keepdims = 0> (a)
                         w = MatMul (m, W) last = Unsqueeze (w, of)"""),
    "instance normalization": (17, CONVS + ", float[8] s, float[8] t", f"""a = Conv <{K}> (x, A) i = InstanceNormalization (a, s, t)
                               last = Conv <{K}> (i, B)"""),
    "where and expand": (17, CONVS + ", int64[4] to = {1,8,6,6}, float[1,8,1,1] z, float nil = {0.0}", f"""a = Conv <{K}> (x, A)
                         e = Expand (z, to)
                         q = Greater (a, nil) w = Where (q, a, e) last = Conv <{K}> (w, B)"""),
    "weight behind a transpose": (17, "float[3,3,4,8] A, float[8,8,3,3] B, float[5,8] G, float[5] g0",
                                  f"w = Transpose <perm = [3,2,0,1]> (A) a = Conv <{K}> (x, w) last = Conv <{K}> (a, B)"),
    "one weight twice": (17, CONVS, f"a = Conv <{K}> (x, A) b = Conv <{K}> (a, B, b0) c = Relu (b) last = Conv <{K}> (c, B, b0)"),
}


def check(parse, save, execute, tmp_path, text: str, share: float, exact: bool = True) -> int:
    """Cut a model and compare it with the masked one. Returns: the channels that went."""
    path = save(whole_numbers(parse(text)))
    onnx.checker.check_model(path)
    result, masked, gone = cut_and_masked(path, str(tmp_path / "folder"), share)
    onnx.checker.check_model(result, full_check=True)
    feed = {"x": np.random.default_rng(5).integers(-2, 3, (1, 4, 6, 6)).astype(np.float32)} if "x) =>" in text[:120] else None
    for a, b in zip(execute(masked, feed), execute(result, feed), strict=True):
        assert np.isfinite(a).all() and (np.array_equal(a, b) if exact else np.allclose(a, b, rtol=1e-4, atol=1e-4))
    return gone


@pytest.mark.parametrize("name", CASES)
def test_a_cut_is_the_masked_model(parse, save, execute, tmp_path, name):
    opset, weights, body = CASES[name]
    text = f"{HEAD.format(opset=opset)}{weights}> {{ {body} {TAIL}"
    if "float roi" in text:
        text = text.replace(", float roi", "")
    gone = check(parse, save, execute, tmp_path, text, 0.4, exact="InstanceNormalization" not in text)
    assert gone >= 2


ATTENTION = """<ir_version: 8, opset_import: ["" : 17]> g (float[N,S,12] x) => (float[N,S,12] y)
<float[12,12] Q, float[12] q0, float[12,12] K, float[12,12] V, float[12,12] O, float[12,20] U, float[20] u0, float[20,12] D,
 float[12] s, float[12] t, int64[1] twelve = {12}, int64[1] four = {4}, int64[1] three = {3}, int64 nil = {0}, int64 one = {1},
 int64[1] first = {0}>
{ h = Shape (x) n0 = Gather (h, nil) s0 = Gather (h, one) n = Unsqueeze (n0, first) l = Unsqueeze (s0, first)
  cut = Concat <axis = 0> (n, l, four, three) back = Concat <axis = 0> (n, l, twelve)
  q1 = MatMul (x, Q) q2 = Add (q1, q0) q3 = Reshape (q2, cut) q = Transpose <perm = [0,2,1,3]> (q3)
  k1 = MatMul (x, K) k3 = Reshape (k1, cut) k = Transpose <perm = [0,2,3,1]> (k3)
  v1 = MatMul (x, V) v3 = Reshape (v1, cut) v = Transpose <perm = [0,2,1,3]> (v3)
  a = MatMul (q, k) b = Softmax <axis = -1> (a) c = MatMul (b, v) d = Transpose <perm = [0,2,1,3]> (c) e = Reshape (d, back)
  o = MatMul (e, O) r = Add (o, x) m = LayerNormalization (r, s, t) u1 = MatMul (m, U) u2 = Add (u1, u0) u = Relu (u2)
  f = MatMul (u, D) y = Add (f, m) }"""


def test_heads_and_neurons_of_a_transformer(parse, save, execute, tmp_path):
    shapes = attention_cut(parse, save, execute, tmp_path, ATTENTION, 2 + 10)
    assert shapes["Q"] == shapes["V"] == [12, 6] and shapes["O"] == [6, 12] and shapes["U"] == [12, 10] and shapes["D"] == [10, 12]


def test_dimensions_within_heads(parse, save, execute, tmp_path):
    text = ATTENTION.replace("N,S,12", "N,5,12")  # a product of queries and keys is masked where its size is known
    shapes = attention_cut(parse, save, execute, tmp_path, text, 2 + 2 + 10, inner=True)  # of queries and keys, of values
    assert shapes["Q"] == shapes["K"] == shapes["V"] == [12, 4] and shapes["O"] == [4, 12] and shapes["U"] == [12, 10]


FUSED = """<ir_version: 8, opset_import: ["" : 17]> g (float[N,5,12] x) => (float[N,5,12] y)
<float[12,36] A, float[36] a0, float[12,12] O, int64[5] cut = {0, 5, 3, 4, 3}, int64[3] back = {0, 5, 12}, int64 i0 = {0}, int64 i1 = {1},
 int64 i2 = {2}>
{ p = MatMul (x, A) r = Add (p, a0) s = Reshape (r, cut) h = Transpose <perm = [2,0,3,1,4]> (s)
  q = Gather <axis = 0> (h, i0) k0 = Gather <axis = 0> (h, i1) v = Gather <axis = 0> (h, i2) k = Transpose <perm = [0,1,3,2]> (k0)
  a = MatMul (q, k) b = Softmax <axis = -1> (a) c = MatMul (b, v) d = Transpose <perm = [0,2,1,3]> (c) e = Reshape (d, back)
  o = MatMul (e, O) y = Add (o, x) }"""


@pytest.mark.parametrize(("inner", "gone", "left"), [(False, 2, 6), (True, 2, 4)])
def test_heads_of_queries_keys_and_values_in_one(parse, save, execute, tmp_path, inner, gone, left):
    shapes = attention_cut(parse, save, execute, tmp_path, FUSED, gone, inner)
    assert shapes["A"] == [12, 3 * left] and shapes["a0"] == [3 * left] and shapes["O"] == [left, 12]


def attention_cut(parse, save, execute, tmp_path, text, units, inner=False):
    """Cut half of what can go, compare with the masked model, and return the shapes of the weights."""
    result, masked, gone = cut_and_masked(save(whole_numbers(parse(text))), str(tmp_path / "folder"), 0.5, inner=inner)
    assert gone == units
    feed = {"x": np.random.default_rng(5).normal(size=(2, 5, 12)).astype(np.float32)}
    for a, b in zip(execute(masked, feed), execute(result, feed), strict=True):
        assert np.allclose(a, b, rtol=1e-4, atol=1e-4)
    return {t.name: list(t.dims) for t in onnx.load(result).graph.initializer}


ODD = {
    "an empty weight": "g (float[N,4] x) => (float[M,4] y) <float[0,4] w> { y = Concat <axis = 0> (x, w) }",
    "nothing to sum over": "g (float[N,0] x) => (float[N,4] y) <float[0,4] w> { y = MatMul (x, w) }",
    "terabytes that are stated": """g (float[2,8] x) => (float[2,8] y) <int64[2] s = {8, 1099511627776}, float c = {1.0}>
        { z = Expand (c, s) m = MatMul (x, z) r = ReduceMax <keepdims = 0> (m) y = Add (x, r) }""",
}


@pytest.mark.parametrize("name", ODD)
def test_sizes_that_no_layer_has_are_left_alone(save, name):
    done = lightweight_cli.run(save(f'<ir_version: 8, opset_import: ["" : 17]> {ODD[name]}'), ["prune-channels:channels=0.25"])
    assert not any(report.modified for report in done.steps)


RECURRENT = """<ir_version: 8, opset_import: ["" : 17]> g (float[S,N,6] x) => (float[N,3] y)
<float[6,7] E, float[2,{gh},7] W, float[2,{gh},5] R, float[2,{gb}] B, float[10,4] V, float[1,4,4] W2, float[1,4,4] R2, float[4,3] U,
 int64[3] to = {{0,0,-1}}, int64[1] nil = {{0}}>
{{ a = MatMul (x, E)  b, h, c = {op} <hidden_size = 5, direction = "bidirectional"> (a, W, R, B)
   t = Transpose <perm = [0,2,1,3]> (b)
   d = Reshape (t, to)  e = MatMul (d, V)  f = Relu (e)
   k, l = RNN <hidden_size = 4> (f, W2, R2)  m = Squeeze (l, nil)  y = MatMul (m, U) }}"""


@pytest.mark.parametrize(("op", "gates"), [("LSTM", 4), ("GRU", 3), ("RNN", 1)])
def test_hidden_units_of_recurrent_layers(parse, save, execute, tmp_path, op, gates):
    text = RECURRENT.format(op=op, gh=5 * gates, gb=10 * gates).replace(", c = ", " = " if op != "LSTM" else ", c = ")
    path = save(parse(text))
    result, masked, gone = cut_and_masked(path, str(tmp_path / "folder"), 0.5)
    onnx.checker.check_model(result, full_check=True)
    shapes = {t.name: list(t.dims) for t in onnx.load(result).graph.initializer}
    assert gone == 4 + 3 + 2 + 2 and shapes["R"] == [2, 2 * gates, 2] and shapes["B"] == [2, 4 * gates] and shapes["V"] == [4, 2]
    feed = {"x": np.random.default_rng(5).normal(size=(4, 2, 6)).astype(np.float32)}
    for a, b in zip(execute(masked, feed), execute(result, feed), strict=True):
        assert np.allclose(a, b, rtol=1e-4, atol=1e-5)
