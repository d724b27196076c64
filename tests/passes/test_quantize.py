"""quantize: within half a step of the weight, on the grid that was asked for, and smaller."""

from __future__ import annotations

import os

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime_limits import takes

HEAD = '<ir_version: 8, opset_import: ["" : 17, "own" : 1]>'
ONE = f"{HEAD} g (float[4,256] x) => (float[4,192] y) <float[256,192] W> {{ y = MatMul (x, W) }}"
ALL = "keep=0"


def values(path: str, name: str = "W") -> np.ndarray:
    return next(numpy_helper.to_array(t).copy() for t in onnx.load(path).graph.initializer if t.name == name)


def replaced(proto: onnx.ModelProto, name: str, array: np.ndarray) -> onnx.ModelProto:
    for t in proto.graph.initializer:
        if t.name == name:
            t.CopyFrom(numpy_helper.from_array(array, name))
    return proto


def steps(w: np.ndarray, bits: int, granularity: str, block: int, asymmetric: bool, half: bool = True) -> np.ndarray:
    """Return the scale that each weight of a MatMul's [K, N] may have at most."""
    k, n = w.shape
    view = {"tensor": w.reshape(1, -1, 1), "channel": w.reshape(1, k, n), "block": w.reshape(k // block, block, n)}[granularity]
    if asymmetric:
        reach = (np.maximum(view.max(1), 0) - np.minimum(view.min(1), 0)) / (2**bits - 1)
    else:
        reach = np.abs(view).max(1) / (2 ** (bits - 1) - 1)
    return np.broadcast_to(reach[:, None, :] * (1 + 2**-10 if half else 1), view.shape).reshape(w.shape)


@pytest.mark.parametrize("asymmetric", [False, True])
@pytest.mark.parametrize("granularity", ["tensor", "channel", "block"])
@pytest.mark.parametrize("bits", [8, 4])
def test_the_error_is_at_most_half_a_step(save, apply, bits, granularity, asymmetric):
    path = save(ONE)
    done = apply(path, f"quantize:bits={bits},granularity={granularity},block_size=32,asymmetric={asymmetric},{ALL}")
    w, got = values(path), done.value("W")
    step = steps(w.astype("f8"), bits, granularity, 32, asymmetric)
    slack = 1.0 if asymmetric else 0.5  # the zero point is rounded too: at the edges of the range
    assert (np.abs(w - got) <= slack * step * (1 + 1e-6)).all() and (np.abs(w - got) <= 0.5001 * step).mean() > 0.98
    size = len(done.data)
    assert size < (0.3 if bits == 8 else 0.18 if granularity != "block" else 0.2) * w.nbytes
    assert done.report.changed == 1 and not done.left


@pytest.mark.parametrize("bits", [8, 4])
def test_values_take_no_more_than_their_levels(save, apply, bits):
    done = apply(save(ONE), f"quantize:bits={bits},granularity=tensor,{ALL}")
    assert 2 ** (bits - 1) < np.unique(done.value("W")).size <= 2**bits


def test_defaults(save, apply):
    path = save(ONE)
    four = apply(path, f"quantize:bits=4,{ALL}")
    assert four.value("W").tobytes() == apply(path, f"quantize:bits=4,block_size=32,{ALL}").value("W").tobytes()


@pytest.mark.parametrize(("text", "size"), [
    ("g (float[N,1024] x) => (float[N,512] y) <float[1024,512] W> { y = MatMul (x, W) }", 256),
    ("g (float[N,64] x) => (float[N,4096] y) <float[64,4096] W> { y = MatMul (x, W) }", 64),
    ("g (float[N,4,8,8] x) => (float[N,64,6,6] y) <float[64,4,3,3] W> { y = Conv (x, W) }", 64)])
def test_blocks_at_8_bits_cost_hardly_more_than_channels(save, apply, text, size):
    path = save('<ir_version: 8, opset_import: ["" : 17]> ' + text)
    default = apply(path, f"quantize:{ALL}")
    assert default.report.options["block_size"] == size
    assert default.value("W").tobytes() == apply(path, f"quantize:block_size={size},{ALL}").value("W").tobytes()
    usual = apply(path, f"quantize:granularity=channel,{ALL}")
    assert os.path.getsize(default.path) <= 1.01 * os.path.getsize(usual.path) + 3 * values(path).shape[-1]


def test_smaller_blocks_are_nearer(save, apply):
    path = save(ONE)
    w = values(path)
    errors = [np.square(apply(path, f"quantize:bits=4,block_size={b},{ALL}").value("W") - w).mean() for b in (16, 32, 64, 128)]
    assert errors == sorted(errors)


def test_asymmetric_suits_one_sided_weights(parse, save, apply):
    proto = replaced(parse(ONE), "W", np.abs(values(save(ONE))) + np.float32(0.5))
    path = save(proto)
    w = values(path)
    errors = [np.abs(apply(path, f"quantize:asymmetric={a},granularity=channel,{ALL}").value("W") - w).mean() for a in (False, True)]
    assert errors[1] < 0.6 * errors[0]


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("asymmetric", [False, True])
def test_zeros_stay_zero(parse, save, apply, bits, asymmetric):
    w = values(save(ONE))
    w[np.random.default_rng(0).random(w.shape) < 0.7] = 0
    w[:, 5] = 0
    path = save(replaced(parse(ONE), "W", w))
    got = apply(path, f"quantize:bits={bits},asymmetric={asymmetric},{ALL}").value("W")
    assert not got[w == 0].any() and not np.signbit(got[w == 0]).any() and got[w != 0].any()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_left_alone(parse, save, apply, bad):
    w = values(save(ONE))
    w[7, 7] = bad
    path = save(replaced(parse(ONE), "W", w))
    done = apply(path, "quantize")
    assert done.left["W"] == "weights are not finite" and done.report.changed == 0
    assert done.value("W").tobytes() == w.tobytes()


@pytest.mark.parametrize(("factor", "left"), [(1e-41, "below float32's normal numbers"), (1e-36, ""), (1e30, ""), (2e39, "")])
def test_tiny_and_huge_weights(parse, save, apply, factor, left):
    w = (values(save(ONE)).astype("f8") * factor).clip(-3.4e38, 3.4e38).astype("f4")
    path = save(replaced(parse(ONE), "W", w))
    done = apply(path, f"quantize:{ALL}")
    got = done.value("W")
    assert np.isfinite(got).all()
    if left:
        assert left in done.left["W"] and got.tobytes() == w.tobytes()
    elif not done.left:
        assert (np.abs(w.astype("f8") - got) <= 0.51 * np.abs(w.astype("f8")).max() / 127 + 1.2e-38).all()


def test_zero_columns_and_zero_tensors(parse, save, apply):
    w = values(save(ONE))
    w[:, ::2] = 0
    done = apply(save(replaced(parse(ONE), "W", w)), f"quantize:granularity=channel,{ALL}")
    assert not done.value("W")[:, ::2].any()
    done = apply(save(replaced(parse(ONE), "W", 0 * w)), f"quantize:{ALL}")
    assert not done.value("W").any() and np.isfinite(done.value("W")).all()


@pytest.mark.parametrize(("kind", "dtype"), [("float16", "f2"), ("double", "f8")])
@pytest.mark.parametrize("bits", [8, 4])
def test_float_types_keep_their_type(save, apply, kind, dtype, bits):
    path = save(ONE.replace("float[", f"{kind}["))
    done = apply(path, f"quantize:bits={bits},{ALL}")
    got, w = done.value("W"), values(path)
    assert got.dtype == np.dtype(dtype) and done.report.changed == 1
    step = steps(w.astype("f8"), bits, "block", 128 if bits == 8 else 32, False)
    assert (np.abs(w.astype("f8") - got.astype("f8")) <= 0.501 * step + (np.abs(w.astype("f8")) * 2.0**-11 if dtype == "f2" else 0)).all()


def if_model(own: str = "inner") -> str:
    return f"""{HEAD} g (float[4,96] x, bool c) => (float[4,96] y) <float[96,96] outer> {{
    y = If (c) <then_branch = t () => (float[4,96] r) <float[96,96] inner> {{ r = MatMul (x, inner) }},
                else_branch = e () => (float[4,96] r) {{ r = MatMul (x, outer) }}> }}"""


FAMILIES = {
    "branch": (if_model(), {"inner", "outer"}, {"c": np.array(True)}),
    "captured": (if_model(), {"inner", "outer"}, {"c": np.array(False)}),
    "loop": (
        f"""{HEAD} g (float[4,96] x, int64 n) => (float[4,96] y) {{ t = Constant <value = bool {{1}}> ()
        y = Loop (n, t, x) <body = b (int64 i, bool c, float[4,96] s) => (bool d, float[4,96] r) <float[96,96] W>
        {{ d = Identity (c)  r = MatMul (s, W) }}> }}""",
        {"W"},
        {"n": np.array(2)},
    ),
    "tied": (
        f"""{HEAD} g (int64[3] i) => (float y) <float[150,48] E> {{ a = Gather (E, i)  t = Transpose (E)  y = MatMul (a, t) }}""",
        {"E"},
        {"i": np.array([1, 4, 149])},
    ),
    "Conv": (f"{HEAD} g (float[1,16,9,9] x) => (float y) <float[64,16,3,3] W, float[64] B> {{ y = Conv (x, W, B) }}", {"W"}, {}),
    "grouped Conv": (f"{HEAD} g (float[1,64,9,9] x) => (float y) <float[64,8,5,5] W> {{ y = Conv <group = 8> (x, W) }}", {"W"}, {}),
    "Conv 1d": (f"{HEAD} g (float[1,16,90] x) => (float y) <float[64,16,9] W> {{ y = Conv (x, W) }}", {"W"}, {}),
    "ConvTranspose": (f"{HEAD} g (float[1,16,9,9] x) => (float y) <float[16,64,3,3] W> {{ y = ConvTranspose (x, W) }}", {"W"}, {}),
    "Gemm": (f"{HEAD} g (float[4,96] x) => (float y) <float[96,80] W, float[80] B> {{ y = Gemm (x, W, B) }}", {"W"}, {}),
    "Gemm transB": (f"{HEAD} g (float[4,96] x) => (float y) <float[80,96] W> {{ y = Gemm <transB = 1> (x, W) }}", {"W"}, {}),
    "Gemm A": (f"{HEAD} g (float[80,4] x) => (float y) <float[96,80] W> {{ y = Gemm (W, x) }}", {"W"}, {}),
    "Gemm transA": (f"{HEAD} g (float[80,4] x) => (float y) <float[80,96] W> {{ y = Gemm <transA = 1> (W, x) }}", {"W"}, {}),
    "batched MatMul": (f"{HEAD} g (float[3,4,48] x) => (float y) <float[3,48,64] W> {{ y = MatMul (x, W) }}", {"W"}, {}),
    "left MatMul": (f"{HEAD} g (float[48,4] x) => (float y) <float[64,48] W> {{ y = MatMul (W, x) }}", {"W"}, {}),
    "vector": (f"{HEAD} g (float[4,9000] x) => (float y) <float[9000] W> {{ y = MatMul (x, W) }}", {"W"}, {}),
    "Gather": (f"{HEAD} g (int64[3] i) => (float y) <float[500,33] W> {{ y = Gather (W, i) }}", {"W"}, {"i": np.array([0, 499, 7])}),
    "LSTM": (
        f"""{HEAD} g (float[3,1,64] x) => (float y) <float[2,128,64] W, float[2,128,32] R, float[2,256] B>
        {{ y = LSTM <hidden_size = 32, direction = "bidirectional"> (x, W, R, B) }}""",
        {"W", "R"},
        {},
    ),
    "GRU": (
        f"""{HEAD} g (float[3,1,64] x) => (float y) <float[1,96,64] W, float[1,96,32] R> {{ y = GRU <hidden_size = 32> (x, W, R) }}""",
        {"W", "R"},
        {},
    ),
    "prime sizes": (f"{HEAD} g (float[4,97] x) => (float y) <float[97,89] W> {{ y = MatMul (x, W) }}", {"W"}, {}),
    "joined": (
        f"""{HEAD} g (float[4,96] x) => (float y) <float[96,40] A, float[96,56] B>
        {{ w = Concat <axis = 1> (A, B)  y = MatMul (x, w) }}""",
        {"A", "B"},
        {},
    ),
    "split": (
        f"""{HEAD} g (float[4,96] x) => (float y) <float[96,96] W>
        {{ a, b = Split <axis = 1> (W)  c = MatMul (x, a)  d = MatMul (x, b)  y = Add (c, d) }}""",
        {"W"},
        {},
    ),
    "function": (
        f"""{HEAD} g (float[4,96] x) => (float y) <float[96,96] W> {{ h = own.f (x, W)  y = own.f (h, W) }}
        <domain: "own", opset_import: ["" : 17]> f (a, b) => (d) {{ d = MatMul (a, b) }}""",
        {"W"},
        {},
    ),
    "opset 7": ('<ir_version: 3, opset_import: ["" : 7]> g (float[4,96] x) => (float y) <float[96,96] W> { y = MatMul (x, W) }', {"W"}, {}),
    "opset 9": ('<ir_version: 4, opset_import: ["" : 9]> g (float[4,96] x) => (float y) <float[96,96] W> { y = MatMul (x, W) }', {"W"}, {}),
    "opset 11": (
        '<ir_version: 6, opset_import: ["" : 11]> g (float[4,96] x) => (float y) <float[96,96] W> { y = MatMul (x, W) }',
        {"W"},
        {},
    ),
    "opset 26": (
        '<ir_version: 13, opset_import: ["" : 26]> g (float[4,96] x) => (float y) <float[96,96] W> { y = MatMul (x, W) }',
        {"W"},
        {},
    ),
}


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("family", FAMILIES)
def test_families(parse, save, apply, execute, family, bits):
    text, names, feed = FAMILIES[family]
    proto = parse(text)
    if not takes(proto.opset_import[0].version, proto.ir_version):
        pytest.skip(f"onnxruntime {onnxruntime.__version__} is older than {family}")
    if proto.ir_version < 4:
        proto.graph.input.append(helper.make_tensor_value_info("W", TensorProto.FLOAT, [96, 96]))
    for port in proto.graph.output:
        if not port.type.tensor_type.shape.dim:
            port.type.tensor_type.ClearField("shape")
    source = save(proto)
    for granularity in ("block", "channel"):
        done = apply(source, f"quantize:bits={bits},granularity={granularity},{ALL}")
        assert set(done.encodings) == names, done.left
        assert len(done.data) < 0.6 * os.path.getsize(source)
        before, after = execute(source, feed), execute(done.path, feed)
        for a, b in zip(before, after, strict=True):
            noise = np.square(a.astype("f8") - b).sum() / np.square(a.astype("f8")).sum()
            assert -10 * np.log10(noise + 1e-30) > (30 if bits == 8 else 10), (family, granularity)


def test_constant_nodes(parse, save, apply, execute):
    proto = parse(ONE)
    proto.graph.node.insert(0, helper.make_node("Constant", [], ["W"], value=proto.graph.initializer.pop()))
    inner = numpy_helper.from_array(np.random.default_rng(3).normal(size=(192, 192)).astype("f4"), "I")
    proto.functions.add(name="f", domain="own", input=["a"], output=["d"], opset_import=[helper.make_opsetid("", 17)])
    proto.functions[0].node.extend([helper.make_node("Constant", [], ["I"], value=inner), helper.make_node("MatMul", ["a", "I"], ["d"])])
    proto.graph.node[-1].output[0] = "h"
    proto.graph.node.append(helper.make_node("f", ["h"], ["y"], domain="own"))
    source = save(proto)
    done = apply(source, f"quantize:{ALL}")
    assert set(done.encodings) == {"W", "I"} and len(done.data) < 0.35 * os.path.getsize(source)
    np.testing.assert_allclose(execute(source)[0], execute(done.path)[0], atol=0.05 * np.abs(execute(source)[0]).max())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (ONE.replace("(float[4,192] y)", "(float[4,192] y, float[256,192] W)"), "is an output of the graph"),
        (ONE.replace("(float[4,256] x)", "(float[4,256] x, float[256,192] W)"), "the caller may override it"),
        (f"{HEAD} g (float[4,0] x) => (float[4,8] y) <float[0,8] W> {{ y = MatMul (x, W) }}", "is empty"),
        (f"{HEAD} g (float[4,3] x) => (float[4,5] y) <float[3,5] W> {{ y = MatMul (x, W) }}", "would not be smaller"),
        (
            '<ir_version: 3, opset_import: ["" : 6]> g (float[4,256] x) => (float[4,192] y) <float[256,192] W> { y = MatMul (x, W) }',
            "opset 6",
        ),
    ],
)
def test_what_is_left_alone_and_why(parse, save, apply, text, reason):
    proto = parse(text)
    if reason.startswith(("the caller", "opset")):
        if "caller" in reason:
            w = np.random.default_rng(0).normal(size=(256, 192)).astype("f4")
            proto.graph.initializer.append(numpy_helper.from_array(w, "W"))
        else:
            proto.graph.input.append(helper.make_tensor_value_info("W", TensorProto.FLOAT, [256, 192]))
    done = apply(save(proto), f"quantize:{ALL}")
    assert done.report.changed == 0 and done.left["W"].startswith(reason)
    for a, b in zip(*done.outputs(), strict=True):
        assert np.array_equal(a, b)


def test_the_smallest_weights_are_kept(save, apply):
    path = save(
        f"""{HEAD} g (float[1,1,20,20] x) => (float y) <float[8,1,3,3] first, float[64,8,5,5] W>
                    {{ a = Conv (x, first)  y = Conv (a, W) }}""".replace("(float y)", "(float[1,64,14,14] y)")
    )
    done = apply(path, "quantize:keep=0.01")
    assert set(done.encodings) == {"W"} and "first" in done.left
    assert values(done.path, "first").tobytes() == values(path, "first").tobytes()


def test_every_weight_is_changed_or_left_with_a_reason(save, apply):
    path = save(f"""{HEAD} g (float[4,96] x) => (float[4,8] y) <float[96,96] A, float[96,8] B, float[8,8] C, float[8,8] D>
        {{ a = MatMul (x, A)  b = MatMul (a, B)  c = MatMul (b, C)  y = MatMul (c, D) }}""")
    for step in ("quantize", "quantize:bits=4,keep=0.3", "prune:sparsity=0.3"):
        done = apply(path, step)
        assert set(done.encodings) | set(done.left) == set("ABCD") and not set(done.encodings) & set(done.left)
        assert all(len(r) > 5 for r in done.left.values())


def test_a_second_run_changes_nothing(save, apply):
    for step in ("quantize", "quantize:bits=4", "quantize:asymmetric=true"):
        done = apply(save(ONE), step)
        again = apply(done.path, step)
        assert again.report.changed == 0 and again.data == done.data


def test_eight_bits_become_four(save, apply):
    path = save(ONE)
    eight = apply(path, f"quantize:{ALL}")
    four = apply(eight.path, f"quantize:bits=4,{ALL}")
    assert len(four.data) < 0.7 * len(eight.data)
    assert [n.op_type for n in four.proto.graph.node].count("MatMul") == 1
    step = steps(eight.value("W").astype("f8"), 4, "block", 32, False)
    assert (np.abs(eight.value("W") - four.value("W")) <= 0.501 * step).all()
