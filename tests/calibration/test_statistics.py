"""What calibration tells of each weight is what plain numpy makes of the activations."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

R = np.random.default_rng(5)
HEAD = '<ir_version: 8, opset_import: ["" : 17]>'


def normal(*shape: int) -> np.ndarray:
    return R.standard_normal(shape).astype(np.float32)


def plain(rows: np.ndarray) -> np.ndarray:
    """Second moments of rows [n, d]."""
    rows = rows.astype(np.float64)
    return rows.T @ rows / len(rows)


def same(statistics, rows: np.ndarray, rtol: float = 1e-4) -> bool:
    """Whether statistics are of exactly these rows [n, d], in any order."""
    m = statistics.moments
    largest = np.abs(rows).max(0)
    return (m.n == len(rows) and np.allclose(m.S[0], plain(rows), rtol=rtol, atol=1e-5)
            and np.allclose(m.mx[0], rows.mean(0, dtype=np.float64), atol=1e-5) and np.allclose(statistics.largest[0], largest, atol=1e-5))


def test_layers_in_order_with_dynamic_batches(save, execute, calibrate):
    path = save(f"""{HEAD} g (float[N,6] x) => (float[N,4] y) <float[5,6] A, float[5,4] B, float[5] b>
        {{ h = Gemm <transB = 1> (x, A, b)  r = Relu (h)  y = MatMul (r, B) }}""")
    x = normal(70, 6)  # batches of 32, 32 and 6
    seen = calibrate(path, {"x": x})
    assert list(seen) == ["A", "B"]
    assert same(seen["A"], x)
    proto = onnx.load(path)
    proto.graph.output.append(onnx.ValueInfoProto(name="r"))
    assert same(seen["B"], execute(proto, {"x": x})[1])


def test_a_fixed_batch_of_one(save, calibrate):
    path = save(f"{HEAD} g (float[1,3,8] x) => (float[1,4,6] y) <float[4,3,3] W> {{ y = Conv (x, W) }}")
    x = normal(5, 3, 8)
    rows = np.stack([x[n, :, p : p + 3].reshape(-1) for n in range(5) for p in range(6)])
    assert same(calibrate(path, {"x": x})["W"], rows)


def test_depthwise_has_a_matrix_for_each_group(save, calibrate):
    path = save(f"{HEAD} g (float[N,3,5,5] x) => (float[N,3,3,3] y) <float[3,1,3,3] W> {{ y = Conv <group = 3> (x, W) }}")
    x = normal(4, 3, 5, 5)
    m = calibrate(path, {"x": x})["W"].moments
    assert m.S.shape == (3, 9, 9)
    for c in range(3):
        rows = np.stack([x[n, c, i : i + 3, j : j + 3].reshape(-1) for n in range(4) for i in range(3) for j in range(3)])
        assert np.allclose(m.S[c], plain(rows), atol=1e-6)


def test_sampled_rows_are_a_seeded_part_of_all(save, calibrate):
    path = save(f"{HEAD} g (float[N,3,9,9] x) => (float[N,4,9,9] y) <float[4,3,3,3] W> {{ y = Conv <pads = [1, 1, 1, 1]> (x, W) }}")
    x = normal(64, 3, 9, 9)
    one, again, other = (calibrate(path, {"x": x}, rows=500, seed=s)["W"].moments for s in (0, 0, 1))
    assert one.n == 500
    assert np.array_equal(one.S, again.S) and not np.array_equal(one.S, other.S)
    assert np.allclose(one.S[0], calibrate(path, {"x": x})["W"].moments.S[0], atol=0.4)


def test_weights_in_constant_nodes_and_behind_transposes(save, calibrate):
    proto = onnx.parser.parse_model(f"{HEAD} g (float[N,6] x) => (float[N,5] y) {{ v = Transpose (W)  y = MatMul (x, v) }}")
    proto.graph.node.insert(0, onnx.helper.make_node("Constant", [], ["W"], value=numpy_helper.from_array(normal(5, 6), "W")))
    x = normal(40, 6)
    assert same(calibrate(save(proto), {"x": x})["W"], x)


def test_embeddings_are_counted(save, calibrate):
    path = save(f"""{HEAD} g (int64[N,4] i) => (float[N,4,3] y) <float[7,2] E, float[2,3] W> {{ e = Gather (E, i)  y = MatMul (e, W) }}""")
    i = R.integers(-7, 7, (50, 4))
    seen = calibrate(path, {"i": i})
    again = calibrate(path, {"i": i}, walk=lambda name, values: values, times=2)
    for counted in (seen["E"], again["E"]):
        assert counted.moments is None
        assert np.array_equal(counted.counts, np.bincount((i % 7).ravel(), minlength=7))
    table = numpy_helper.to_array(next(t for t in onnx.load(path).graph.initializer if t.name == "E"))
    assert same(seen["W"], table[i].reshape(-1, 2))


@pytest.mark.parametrize("keep", [False, True])
def test_a_tied_weight_sums_over_its_uses(save, calibrate, execute, keep):
    path = save(f"""{HEAD} g (float[N,6] x) => (float[N,6] y) <float[6,6] W, float[6,6] V>
        {{ a = MatMul (x, W)  b = Tanh (a)  c = MatMul (b, V)  y = MatMul (c, W) }}""")
    x = normal(40, 6)
    proto = onnx.load(path)
    proto.graph.output.append(onnx.ValueInfoProto(name="c"))
    seen = calibrate(path, {"x": x})
    assert list(seen) == ["V", "W"]
    assert same(seen["W"], np.concatenate([x, execute(proto, {"x": x})[1]]))
    walked = calibrate(path, {"x": x}, walk=lambda name, values: values * 0, times=2, keep=keep)
    assert list(walked) == ["W", "V"]
    assert same(walked["W"], np.concatenate([x, execute(proto, {"x": x})[1]])) and walked["W"].moments.C is None
    assert not walked["V"].moments.S.any()


def test_a_float16_model(save, calibrate):
    path = save(f"{HEAD} g (float16[N,6] x) => (float16[N,5] y) <float16[6,5] W> {{ y = MatMul (x, W) }}")
    x = normal(40, 6).astype(np.float16)
    assert same(calibrate(path, {"x": x})["W"], x)


BRANCHES = f"""{HEAD} g (float[N,4] x, bool c) => (float[N,3] y) <float[4,3] W> {{
    y = If (c) <
        then_branch = t () => (float[N,3] p) <float[4,4] A> {{
            a = MatMul (x, A)
            p = If (c) <then_branch = u () => (float[N,3] q) {{ d = Relu (a)  q = MatMul (d, W) }},
                        else_branch = v () => (float[N,3] r) <float[4,3] B> {{ r = MatMul (a, B) }}> }},
        else_branch = e () => (float[N,3] s) <float[4,3] C> {{ s = MatMul (x, C) }}> }}"""


@pytest.mark.parametrize("keep", [False, True])
def test_weights_in_branches(save, calibrate, keep):
    path = save(BRANCHES)
    x = normal(64, 4)
    seen = calibrate(path, {"x": x, "c": np.array(True)})
    inner = next(a.g for a in onnx.load(path).graph.node[0].attribute if a.name == "then_branch")
    A = numpy_helper.to_array(inner.initializer[0])
    assert same(seen["A"], x)
    assert same(seen["W"], np.maximum(x @ A, 0))
    assert seen["B"] == seen["C"] == "no activations reachable: its branch was never taken"
    walked = calibrate(path, {"x": x, "c": np.array(True)}, walk=lambda name, values: values * 2, times=2, keep=keep)
    assert same(walked["A"], x) and same(walked["W"], np.maximum(x @ A, 0))


def test_lstm_inputs_and_states(save, calibrate, execute):
    path = save(f"""{HEAD} g (float[S,N,3] x) => (float[1,N,4] y) <float[1,16,3] W, float[1,16,4] R>
        {{ , y = LSTM <hidden_size = 4> (x, W, R) }}""")
    x = normal(6, 2, 3)
    seen = calibrate(path, {"x": x[None]})
    proto = onnx.load(path)
    proto.graph.node[0].output[0] = "all"
    proto.graph.output.append(onnx.ValueInfoProto(name="all"))
    (states,) = execute(proto, {"x": x}, ["all"])
    assert same(seen["W"], x.reshape(-1, 3))
    assert same(seen["R"], np.concatenate([np.zeros((1, 1, 2, 4), np.float32), states[:-1]]).reshape(-1, 4))


@pytest.mark.parametrize("options", [{}, {"times": 2}, {"memory": 0}, {"memory": 0, "times": 3}], ids=str)
@pytest.mark.parametrize("quarter", [False, True])
def test_a_walk_sees_the_compressed_model_and_aims_at_the_original(save, calibrate, execute, quarter, options):
    path = save(f"""{HEAD} g (float[N,1,12] x) => (float[N,4] y) <float[6,1,3] A, float[6] b, float[60,5] B, float[4,5] C>
        {{ h = Conv (x, A, b)  r = Relu (h)  f = Flatten (r)  m = MatMul (f, B)  t = Tanh (m)  y = Gemm <transB = 1> (t, C) }}""")
    x = normal(50, 1, 12)

    def round_(name, values):
        return np.round(values * 4) / 4 if quarter else None

    seen = calibrate(path, {"x": x}, walk=round_, **options)
    original, changed = onnx.load(path), onnx.load(path)
    for proto in (original, changed):
        proto.graph.output.extend(onnx.ValueInfoProto(name=n) for n in ("f", "t"))
    for t in changed.graph.initializer:
        if quarter and t.name != "b":
            t.CopyFrom(numpy_helper.from_array(round_("", numpy_helper.to_array(t)), t.name))
    weights = {t.name: numpy_helper.to_array(t).astype(np.float64) for t in original.graph.initializer}
    (_, *want), (_, *have) = execute(original, {"x": x}), execute(changed, {"x": x})
    for name, xo, xc, w in zip("BC", want, have, (weights["B"].T, weights["C"]), strict=True):
        assert same(seen[name], xc)
        y = xo.astype(np.float64) @ w.T
        assert np.allclose(seen[name].moments.C[0], y.T @ xc.astype(np.float64) / len(y), atol=1e-4)
        assert np.allclose(seen[name].moments.my[0], y.mean(0), atol=1e-4)


def test_uses_with_constant_inputs_do_not_count(save, calibrate):
    path = save(f"""{HEAD} g (float[N,4] x) => (float[N,3] y, float[2,3] e, float[2,3] f) <float[4,3] W, float[4,3] V, float[2,4] k>
        {{ y = MatMul (x, W)  n = Neg (k)  e = MatMul (n, W)  f = MatMul (n, V) }}""")
    x = normal(40, 4)
    seen = calibrate(path, {"x": x})
    assert same(seen["W"], x)
    assert seen["V"] == "no activations reachable: its operator's input is constant"


def test_bodies_of_loops_are_out_of_reach(save, calibrate):
    path = save(f"""{HEAD} g (float[N,4] x, int64 n) => (float[N,4] y) <float[4,4] W> {{
        c = Constant <value = bool {{1}}> ()
        y = Loop (n, c, x) <body = b (int64 i, bool k, float[N,4] s) => (bool k2, float[N,4] s2)
            {{ k2 = Identity (k)  s2 = MatMul (s, W) }}> }}""")
    assert calibrate(path, {"x": normal(40, 4), "n": np.array(2)}) == {"W": "no activations reachable: in the body of a Loop"}


def test_functions_are_inlined(save, calibrate):
    path = save("""<ir_version: 8, opset_import: ["" : 17, "own" : 1]> g (float[N,4] x) => (float[N,3] y) <float[4,3] W>
        { y = own.f (x, W) }
        <domain: "own", opset_import: ["" : 17]> f (a, b) => (c) { d = Relu (a)  c = MatMul (d, b) }""")
    x = normal(40, 4)
    assert same(calibrate(path, {"x": x})["W"], np.maximum(x, 0))


def test_histograms_count_all_that_arrives(save, calibrate):
    path = save(f"{HEAD} g (float[N,6] x) => (float[N,5] y) <float[6,5] W> {{ y = MatMul (x, W) }}")
    x = normal(500, 6)
    h = calibrate(path, {"x": x}, histogram=True, rows=64)["W"].histogram
    assert h.counts.sum() == x.size
    assert abs(h.quantile(0.5) - np.median(np.abs(x))) < 2 * h.range / len(h.counts)


def test_several_tied_weights_with_little_memory(save, calibrate, execute):
    path = save(f"""{HEAD} g (float[N,6] x) => (float[N,6] y) <float[6,6] W, float[6,6] V>
        {{ a = MatMul (x, W)  b = MatMul (a, V)  c = MatMul (b, W)  y = MatMul (c, V) }}""")
    x = normal(40, 6)
    proto = onnx.load(path)
    proto.graph.output.extend(onnx.ValueInfoProto(name=n) for n in "abc")
    a, b, c = execute(proto, {"x": x}, ["a", "b", "c"])
    for memory in (0, 1 << 20):
        seen = calibrate(path, {"x": x}, memory=memory)
        assert same(seen["W"], np.concatenate([x, b])) and same(seen["V"], np.concatenate([a, c]))


def test_nodes_in_any_order(save, calibrate, execute):
    proto = onnx.parser.parse_model(f"{HEAD} g (float[N,4] x) => (float[N,3] y) {{ y = MatMul (r, W)  r = Relu (x) }}")
    proto.graph.initializer.append(numpy_helper.from_array(normal(4, 3), "W"))
    x = normal(40, 4)
    assert same(calibrate(save(proto), {"x": x})["W"], np.maximum(x, 0))


def test_branches_of_old_opsets_show_nothing(save, calibrate):
    path = save(BRANCHES.replace('"" : 17', '"" : 10'))
    seen = calibrate(path, {"x": normal(64, 4), "c": np.array(True)})
    assert set(seen.values()) == {"no activations reachable: in a branch, which shows no values before opset 11"}


@pytest.mark.parametrize("keep", [False, True])
def test_a_replaced_weight_in_a_branch_changes_what_comes_after(save, calibrate, keep):
    path = save(f"""{HEAD} g (float[N,4] x, bool c) => (float[N,2] y) <float[3,2] Z> {{
        m = If (c) <then_branch = t () => (float[N,3] p) <float[4,3] A> {{ p = MatMul (x, A) }},
                    else_branch = e () => (float[N,3] s) <float[4,3] B> {{ s = MatMul (x, B) }}>
        y = MatMul (m, Z) }}""")
    x = normal(64, 4)
    then = next(a.g for a in onnx.load(path).graph.node[0].attribute if a.name == "then_branch")
    m = x @ numpy_helper.to_array(then.initializer[0])
    seen = calibrate(path, {"x": x, "c": np.array(True)}, walk=lambda name, values: values * (2 if name == "A" else 1), times=2, keep=keep)
    assert same(seen["Z"], 2 * m)
    Z = numpy_helper.to_array(onnx.load(path).graph.initializer[0]).T.astype(np.float64)
    assert np.allclose(seen["Z"].moments.C[0], Z @ (m.T @ (2 * m)) / 64, atol=1e-4)


def test_an_encoded_weight_is_replaced_too(save, calibrate):
    proto = onnx.parser.parse_model(f"""{HEAD} g (float[N,4] x) => (float[N,2] y) <float s = {{0.5}}> {{
        W = DequantizeLinear (q, s)  h = MatMul (x, W)  y = MatMul (h, Z) }}""")
    q = R.integers(-9, 9, (4, 3)).astype(np.int8)
    proto.graph.initializer.extend([numpy_helper.from_array(q, "q"), numpy_helper.from_array(normal(3, 2), "Z")])
    x = normal(40, 4)
    seen = calibrate(save(proto), {"x": x}, walk=lambda name, values: values + 1)
    assert same(seen["Z"], x @ (q * np.float32(0.5) + 1), rtol=1e-3)


def test_what_the_model_cannot_be_cut_at_is_a_reason(save, calibrate):
    path = save(f"""{HEAD} g (float[N,4] x) => (float[N,2] y) <float[4,3] A, float[3,4] B, float[4,2] Z> {{
        h = MatMul (x, A)  o = Optional (h)  k = MatMul (h, B)  r = OptionalGetElement (o)  t = MatMul (r, B)
        u = Add (k, t)  y = MatMul (u, Z) }}""".replace('"" : 17', '"" : 15'))
    x = normal(40, 4)
    for walk in (None, lambda name, values: values):
        seen = calibrate(path, {"x": x}, walk=walk)
        assert set(seen) == {"A", "B", "Z"}
        assert walk or same(seen["A"], x)
        assert seen["Z"].startswith("no activations reachable: onnxruntime can't load a part of the model: ")
