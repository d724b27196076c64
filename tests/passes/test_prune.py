"""prune: exactly the asked weights become zero, wherever they live, and zeros make the file smaller."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lightweight_cli.encodings.coded import Coded
from lightweight_cli.errors import UsageError
from lightweight_cli.model.blobs import Blob
from lightweight_cli.passes.prune.magnitude import zeroed_codes

HEAD = '<ir_version: 8, opset_import: ["" : 17, "own" : 1]>'
ONE = f"{HEAD} g (float[4,64] x) => (float[4,48] y) <float[64,48] W> {{ y = MatMul (x, W) }}"
BIG = ONE.replace("64", "256").replace("48", "192")
TWO = f"""{HEAD} g (float[4,64] x) => (float[4,32] y) <float[64,48] W, float[48,32] V>
          {{ h = MatMul (x, W)  y = MatMul (h, V) }}"""


def values(path: str, name: str = "W") -> np.ndarray:
    return next(numpy_helper.to_array(t).copy() for t in onnx.load(path).graph.initializer if t.name == name)


def smallest(w: np.ndarray, count: int) -> np.ndarray:
    """Return w with its `count` smallest magnitudes at zero; among equals the first go."""
    flat = w.copy().reshape(-1)
    flat[np.argsort(np.abs(flat.astype("f8")), kind="stable")[:count]] = 0
    return flat.reshape(w.shape)


def pruned(proto: onnx.ModelProto, names: list[str], share: float) -> onnx.ModelProto:
    """Return the model with those initializers, wherever they are, pruned one by one."""
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    todo = [copy.graph]
    while todo:
        graph = todo.pop()
        todo += [a.g for n in graph.node for a in n.attribute if a.HasField("g")]
        for t in graph.initializer:
            if t.name in names:
                w = numpy_helper.to_array(t)
                t.CopyFrom(numpy_helper.from_array(smallest(w, round(share * w.size)), t.name))
    return copy


@pytest.mark.parametrize("share", [0.0004, 0.1, 0.5, 0.75, 0.999, 1.0])
def test_exactly_the_asked_share(save, apply, share):
    path = save(ONE)
    done = apply(path, f"prune:sparsity={share}")
    expected = smallest(values(path), round(share * 64 * 48))
    assert done.value("W").tobytes() == expected.tobytes()
    assert done.report.changed == np.count_nonzero(expected == 0)


def test_zeros_that_are_there_count(parse, save, apply):
    proto = parse(ONE)
    w = values(save(proto))
    w[:32] = 0
    proto.graph.initializer[0].CopyFrom(numpy_helper.from_array(w, "W"))
    path = save(proto)
    assert apply(path, "prune:sparsity=0.5").report.changed == 0
    done = apply(path, "prune:sparsity=0.75")
    assert done.report.changed == 64 * 12 and np.array_equal(done.value("W"), smallest(w, 64 * 36))


def test_ties_go_in_order(parse, save, apply):
    proto = parse(ONE)
    w = np.where(np.arange(64 * 48) % 3 == 0, -0.5, 0.5).astype("f4").reshape(64, 48)
    proto.graph.initializer[0].CopyFrom(numpy_helper.from_array(w, "W"))
    got = apply(save(proto), "prune:sparsity=0.25").value("W").reshape(-1)
    assert not got[: 16 * 48].any() and np.array_equal(got[16 * 48 :], w.reshape(-1)[16 * 48 :])


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_the_global_share_is_exact_over_all(parse, save, apply, share):
    proto = parse(TWO)
    for t in proto.graph.initializer:
        factor = 0.1 if t.name == "V" else 1
        w = np.round(numpy_helper.to_array(t) * factor, 3)  # with many ties
        t.CopyFrom(numpy_helper.from_array(w, t.name))
    path = save(proto)
    done = apply(path, f"prune:sparsity={share},scope=global")
    both = np.concatenate([values(path, n).reshape(-1) for n in "WV"])
    expected = smallest(both, round(share * both.size))
    assert np.array_equal(np.concatenate([done.value(n).reshape(-1) for n in "WV"]), expected)
    assert np.count_nonzero(done.value("V")) / (48 * 32) < np.count_nonzero(done.value("W")) / (64 * 48)


def test_threshold_is_strict(parse, save, apply):
    proto = parse(ONE)
    w = values(save(proto))
    w.reshape(-1)[:4] = [0.05, -0.05, np.nextafter(np.float32(0.05), np.float32(0)), np.nan]
    proto.graph.initializer[0].CopyFrom(numpy_helper.from_array(w, "W"))
    got = apply(save(proto), "prune:threshold=0.05").value("W")
    expected = np.where(np.abs(w.astype("f8")) < 0.05, np.float32(0), w)
    assert got.tobytes() == expected.tobytes() and got.reshape(-1)[2] == 0 and got.reshape(-1)[0] != 0


def test_relative_to_the_largest_of_each_tensor(save, apply):
    path = save(TWO)
    done = apply(path, "prune:relative=0.4")
    for name in "WV":
        w = values(path, name)
        limit = 0.4 * float(np.abs(w).max())
        assert done.value(name).tobytes() == np.where(np.abs(w.astype("f8")) < limit, np.float32(0), w).tobytes()


@pytest.mark.parametrize(("kind", "dtype"), [("float16", "f2"), ("double", "f8"), ("float", "f4")])
def test_float_types(save, apply, kind, dtype):
    path = save(BIG.replace("float[", f"{kind}["))
    done = apply(path, "prune:sparsity=0.7")
    got, w = done.value("W"), values(path)
    assert got.dtype == np.dtype(dtype) and got.tobytes() == smallest(w, round(0.7 * w.size)).tobytes()
    assert done.encodings["W"] == "bitmask"
    before, after = done.outputs()
    assert before[0].dtype == after[0].dtype


def test_float_types_share_one_global_limit(save, apply):
    text = f"""{HEAD} g (float[4,64] x) => (float[4,32] y) <float16[64,48] W, double[48,32] V>
               {{ a = Cast <to = 10> (x)  h = MatMul (a, W)  k = Cast <to = 11> (h)  z = MatMul (k, V)  y = Cast <to = 1> (z) }}"""
    path = save(text)
    done = apply(path, "prune:sparsity=0.5,scope=global")
    both = [values(path, n).astype("f8").reshape(-1) for n in "WV"]
    expected = smallest(np.concatenate(both), round(0.5 * (64 + 32) * 48))
    assert np.array_equal(np.concatenate([done.value(n).astype("f8").reshape(-1) for n in "WV"]), expected)


def test_zeros_make_the_file_smaller(save, apply, tmp_path):
    path = save(BIG)
    sizes = [len(apply(path, f"prune:sparsity={s}").data) for s in (0.5, 0.8, 0.95)]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] < 0.75 * 256 * 192 * 4 and sizes[2] < 0.35 * 256 * 192 * 4


def test_few_zeros_are_stored_plainly(save, apply):
    done = apply(save(ONE), "prune:sparsity=0.01")
    assert done.encodings == {"W": "float"} and [t.name for t in done.proto.graph.initializer] == ["W"]


def test_zeros_survive_quantization(save, apply):
    path = save(BIG)
    for bits in (8, 4):
        done = apply(path, "prune:sparsity=0.8", f"quantize:bits={bits},keep=0")
        zero = smallest(values(path), round(0.8 * 256 * 192)) == 0
        assert not done.value("W")[zero].any()
        plain = apply(path, f"quantize:bits={bits},keep=0")
        assert len(done.data) < len(plain.data)


def test_a_quantized_weight_is_pruned_on_its_grid(save, apply):
    path = save(BIG)
    done = apply(path, "quantize:keep=0")
    levels = done.value("W")
    again = apply(done.path, "prune:sparsity=0.6")
    assert np.array_equal(again.value("W"), smallest(levels, round(0.6 * levels.size)))
    assert len(again.data) < len(done.data)


@pytest.mark.parametrize("granularity", ["tensor", "channel"])
def test_the_code_of_zero_is_the_zero_point(save, apply, granularity):
    done = apply(save(BIG), f"quantize:keep=0,asymmetric=true,granularity={granularity}")
    levels = done.value("W")
    again = apply(done.path, "prune:sparsity=0.6")
    assert np.array_equal(again.value("W"), smallest(levels, round(0.6 * levels.size)))


def test_the_zero_point_of_a_dequantize_linear(parse, save, apply):
    text = f"""{HEAD} g (float[N,200] x) => (float[N,150] y) <uint8[200,150] q, float s = {{0.05}}, uint8 z = {{117}}>
        {{ W = DequantizeLinear (q, s, z)  y = MatMul (x, W) }}"""
    model = parse(text)
    codes = np.random.default_rng(0).integers(0, 256, (200, 150)).astype(np.uint8)
    model.graph.initializer[[t.name for t in model.graph.initializer].index("q")].CopyFrom(numpy_helper.from_array(codes, "q"))
    levels, done = (codes.astype(np.float32) - 117) * np.float32(0.05), apply(save(model), "prune:sparsity=0.6")
    assert np.array_equal(done.value("W"), smallest(levels, 18_000)) and len(done.data) < 0.6 * codes.size


IF = f"""{HEAD} g (float[4,64] x, bool c) => (float[4,48] y) <float[64,48] outer> {{
    y = If (c) <then_branch = t () => (float[4,48] r) <float[64,48] inner> {{ a = MatMul (x, inner)  r = Relu (a) }},
                else_branch = e () => (float[4,48] r) {{ r = MatMul (x, outer) }}> }}"""
LOOP = f"""{HEAD} g (float[4,48] x, int64 n) => (float[4,48] y) {{
    t = Constant <value = bool {{1}}> ()
    y = Loop (n, t, x) <body = b (int64 i, bool c, float[4,48] s) => (bool d, float[4,48] r) <float[48,48] W>
                        {{ d = Identity (c)  r = MatMul (s, W) }}> }}"""
TIED = f"""{HEAD} g (int64[3] i) => (float[3,50] y) <float[50,48] E>
           {{ a = Gather (E, i)  t = Transpose (E)  y = MatMul (a, t) }}"""
FAMILIES = {
    "branch, captured": (IF, ["outer"], {"c": np.array(False)}),
    "branch, own": (IF, ["inner"], {"c": np.array(True)}),
    "loop": (LOOP, ["W"], {"n": np.array(3)}),
    "tied": (TIED, ["E"], {"i": np.array([1, 4, 49])}),
    "view": (ONE.replace("y = MatMul (x, W)", "t = Transpose (W)  u = Transpose (t)  y = MatMul (x, u)"), ["W"], {}),
    "Conv": (f"{HEAD} g (float[1,4,9,9] x) => (float y) <float[32,4,3,3] W, float[32] B> {{ y = Conv (x, W, B) }}", ["W"], {}),
    "ConvTranspose": (f"{HEAD} g (float[1,4,9,9] x) => (float y) <float[4,32,3,3] W> {{ y = ConvTranspose (x, W) }}", ["W"], {}),
    "Gemm": (f"{HEAD} g (float[4,64] x) => (float y) <float[48,64] W, float[48] B> {{ y = Gemm <transB = 1> (x, W, B) }}", ["W"], {}),
    "LSTM": (
        f"""{HEAD} g (float[3,1,24] x) => (float y) <float[1,64,24] W, float[1,64,16] R, float[1,128] B>
                 {{ y = LSTM <hidden_size = 16> (x, W, R, B) }}""",
        ["W", "R"],
        {},
    ),
    "GRU": (
        f"""{HEAD} g (float[3,1,24] x) => (float y) <float[2,48,24] W, float[2,48,16] R>
                {{ y = GRU <hidden_size = 16, direction = "bidirectional"> (x, W, R) }}""",
        ["W", "R"],
        {},
    ),
    "batched MatMul": (f"{HEAD} g (float[3,4,24] x) => (float y) <float[3,24,32] W> {{ y = MatMul (x, W) }}", ["W"], {}),
    "opset 7": (
        '<ir_version: 3, opset_import: ["" : 7]> g (float[4,64] x) => (float[4,48] y) <float[64,48] W> { y = MatMul (x, W) }',
        ["W"],
        {},
    ),
    "opset 6": (
        '<ir_version: 3, opset_import: ["" : 6]> g (float[4,64] x) => (float[4,48] y) <float[64,48] W> { y = MatMul (x, W) }',
        ["W"],
        {},
    ),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_families(parse, save, apply, execute, family):
    text, names, feed = FAMILIES[family]
    proto = parse(text)
    if proto.ir_version < 4:
        proto.graph.input.append(helper.make_tensor_value_info("W", TensorProto.FLOAT, [64, 48]))
    for shaped in proto.graph.output:
        if not shaped.type.tensor_type.shape.dim:
            shaped.type.tensor_type.ClearField("shape")
    done = apply(save(proto), "prune:sparsity=0.6")
    assert set(names) <= {w.name for w in done.report.weights}
    before, after = execute(pruned(proto, [w.name for w in done.report.weights], 0.6), feed), execute(done.path, feed)
    for a, b in zip(before, after, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert np.any(after[0])


def test_constant_nodes_and_functions(parse, save, apply, execute):
    proto = parse(f"""{HEAD} g (float[4,64] x) => (float[4,32] y) <float[64,48] W, float[48,32] V>
        {{ h = own.f (x, W)  y = MatMul (h, V) }}
        <domain: "own", opset_import: ["" : 17]> f (a, b) => (d) {{ s = Constant <value = float {{2}}> ()  m = MatMul (a, b)
                                                                   d = Mul (m, s) }}""")
    moved = next(t for t in proto.graph.initializer if t.name == "V")
    proto.graph.initializer.remove(moved)
    proto.graph.node.insert(0, helper.make_node("Constant", [], ["V"], value=moved))
    inner = numpy_helper.from_array(np.random.default_rng(3).normal(size=(48, 48)).astype("f4"), "I")
    proto.functions[0].node.insert(0, helper.make_node("Constant", [], ["I"], value=inner))
    proto.functions[0].node[-1].input[0] = "n"
    proto.functions[0].node.insert(3, helper.make_node("MatMul", ["m", "I"], ["n"]))
    done = apply(save(proto), "prune:sparsity=0.6")
    assert {w.name for w in done.report.weights} == {"W", "V", "I"} and all("bitmask" in e for e in done.encodings.values())
    expected = pruned(proto, ["W"], 0.6)
    for node in (expected.graph.node[0], expected.functions[0].node[0]):
        w = numpy_helper.to_array(node.attribute[0].t)
        node.attribute[0].t.CopyFrom(numpy_helper.from_array(smallest(w, round(0.6 * w.size))))
    np.testing.assert_allclose(execute(expected)[0], execute(done.path)[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (ONE.replace("(float[4,48] y)", "(float[4,48] y, float[64,48] W)"), "is an output of the graph"),
        (ONE.replace("(float[4,64] x)", "(float[4,64] x, float[64,48] W)"), "the caller may override it"),
        (f"{HEAD} g (float[4,0] x) => (float[4,8] y) <float[0,8] W> {{ y = MatMul (x, W) }}", "is empty"),
    ],
)
def test_what_is_left_alone_and_why(parse, save, apply, text, reason):
    proto = parse(text)
    if "override" in reason:
        w = np.random.default_rng(0).normal(size=(64, 48)).astype("f4")
        proto.graph.initializer.append(numpy_helper.from_array(w, "W"))
    done = apply(save(proto), "prune:sparsity=0.5")
    assert done.report.changed == 0 and done.left["W"].startswith(reason)
    for a, b in zip(*done.outputs(), strict=True):
        assert np.array_equal(a, b)


def test_biases_and_scales_are_no_weights(save, apply):
    path = save(f"""{HEAD} g (float[1,4,9,9] x) => (float[1,8,9,9] y)
        <float[8,4,1,1] W, float[8] B, float[8] s, float[8] b, float[8] m, float[8] v = {{1,1,1,1,1,1,1,1}}>
        {{ c = Conv (x, W, B)  y = BatchNormalization (c, s, b, m, v) }}""")
    done = apply(path, "prune:sparsity=0.9")
    assert [w.name for w in done.report.weights] == ["W"]
    for name in ("B", "s", "b", "m", "v"):
        assert values(done.path, name).tobytes() == values(path, name).tobytes()


def test_infinities_and_nan_are_kept(parse, save, apply):
    proto = parse(ONE)
    w = values(save(proto))
    w[0, :4] = [np.nan, np.inf, -np.inf, -0.0]
    proto.graph.initializer[0].CopyFrom(numpy_helper.from_array(w, "W"))
    got = apply(save(proto), "prune:sparsity=0.5").value("W")
    assert np.isnan(got[0, 0]) and got[0, 1] == np.inf and got[0, 2] == -np.inf and np.count_nonzero(got == 0) == 64 * 24
    assert "can't be ordered" in apply(save(proto), "prune:sparsity=1").left["W"]


def test_a_second_run_changes_nothing(save, apply):
    done = apply(save(ONE), "prune:sparsity=0.5")
    again = apply(done.path, "prune:sparsity=0.5")
    assert again.report.changed == 0 and again.value("W").tobytes() == done.value("W").tobytes()
    assert again.data == done.data


@pytest.mark.parametrize("step", ["prune", "prune:sparsity=0.5,threshold=1", "prune:relative=0.5,threshold=1", "prune:scope=global"])
def test_exactly_one_way_to_choose(save, apply, step):
    with pytest.raises(UsageError, match="give exactly one of --threshold, --relative, --sparsity"):
        apply(save(ONE), step)


def test_weights_with_nan_stay_out_of_a_share_of_all(save, apply, parse):
    text = """<ir_version: 8, opset_import: ["" : 17]> g (float[4,64] x) => (float[4,64] y) <float[64,64] A, float[64,64] B>
        { h = MatMul (x, A)  y = MatMul (h, B) }"""
    proto = parse(text)
    odd = np.full((64, 64), np.nan, np.float32)
    odd[0] = 1
    proto.graph.initializer[0].CopyFrom(numpy_helper.from_array(odd, proto.graph.initializer[0].name))
    name, other = (t.name for t in proto.graph.initializer)
    done = apply(save(proto), "prune:sparsity=0.9,scope=global")
    assert [(w.name, w.reason) for w in done.report.left] == [(name, "can't be ordered by magnitude: it has NaN")]
    assert done.report.changed == round(0.9 * 64 * 64) and int((done.value(other) == 0).sum()) == done.report.changed


def test_a_level_that_all_weights_leave_becomes_zero() -> None:
    """A codebook of 16 levels without a zero keeps 16: a 17th would take a bit more for each weight."""
    levels = np.concatenate([-np.arange(1, 9), np.arange(1, 9)]).astype("f4")
    codes = np.random.default_rng(0).integers(0, 16, 4096).astype(np.uint8)
    blob = Blob(codes.size, data=memoryview(codes))
    coded = Coded((64, 64), TensorProto.FLOAT, (1, 4096, 1), blob, 0, 16, 0, None, codebook=levels)
    expected = smallest(coded.decode(), 1500)
    found = zeroed_codes(coded, [expected.reshape(-1)[:2000], expected.reshape(-1)[2000:]])
    assert found is not None and found.count == 16 and found.zeros == 1500 and found.decode().tobytes() == expected.tobytes()
    assert zeroed_codes(coded, [smallest(coded.decode(), 100).reshape(-1)]) is None  # each level stays in use
