"""half --compute: a model that loads, with its interface, in float16 wherever nothing overflows."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import pytest
from integer_models import decibels, filled

import lightweight_cli
from lightweight_cli.errors import UsageError

HEAD = '<ir_version: 8, opset_import: ["" : 17]>'
X = np.random.default_rng(0).standard_normal((4, 64)).astype(np.float32)
CASES = {
    "layers": f"""{HEAD} g (float[n,64] x) => (float[n,32] y) <float[64,32] W, float[32] b>
        {{ p = MatMul (x, W) a = Add (p, b) y = Relu (a) }}""",
    "an output inside": f"""{HEAD} g (float[n,64] x) => (float[n,32] y, float[n,32] p) <float[64,32] W>
        {{ p = MatMul (x, W) y = Relu (p) }}""",
    "float32 between": f"""{HEAD} g (float[n,64] x) => (float[n,32] y) <float[64,64] V, float[64,32] W>
        {{ p = MatMul (x, V) s = ReduceMean <axes = [1]> (p) d = Sub (p, s) y = MatMul (d, W) }}""",
    "shapes": f"""{HEAD} g (float[n,64] x) => (float[64,n] y) <float[64,64] V, int64[2] to = {{64, -1}}>
        {{ p = MatMul (x, V) t = Transpose (p) y = Reshape (t, to) }}""",
    "a branch": f"""{HEAD} g (float[n,64] x, bool c) => (float[n,64] z) <float[64,64] V>
        {{ p = MatMul (x, V) y = If (c) < then_branch = t () => (float[n,64] a) {{ a = Relu (p) }},
                    else_branch = e () => (float[n,64] b) {{ b = Neg (p) }} > z = Add (y, p) }}""",
    "tied": f"""{HEAD} g (int64[n] i, float[n,64] x) => (float[n,64] e, float[n,64] y) <float[64,64] V>
        {{ y = MatMul (x, V) e = Gather (V, i) }}""",
    "constant": f"""{HEAD} g (float[n,64] x) => (float[n,32] y) {{ W = Constant <value = float[1] {{0}}> () y = MatMul (x, W) }}""",
}


@pytest.mark.parametrize("name", CASES)
def test_it_loads_and_gives_nearly_the_same(name, tmp_path):
    proto = filled(CASES[name])
    result = lightweight_cli.run(proto, ["half:compute=true"], calibrate=[feed_of(proto)])
    result.save(tmp_path / "half.onnx", check=False)
    onnx.checker.check_model(onnx.load(tmp_path / "half.onnx"), full_check=True)
    onnx.save(proto, tmp_path / "float.onnx")
    from integer_models import outputs

    wanted, got = (outputs(str(tmp_path / f), feed_of(proto))[0] for f in ("float.onnx", "half.onnx"))
    for a, b in zip(wanted, got, strict=True):
        assert a.dtype == b.dtype == np.float32 and a.shape == b.shape and decibels(a, b) > 50
    made = onnx.load(tmp_path / "half.onnx").graph
    assert any(t.data_type == onnx.TensorProto.FLOAT16 for t in made.initializer)
    assert "Cast" in Counter(n.op_type for n in made.node) and any("in float16" in n for n in result.steps[0].notes)


def feed_of(proto):
    feeds = {"x": X, "i": np.array([3, 1, 0, 2]), "c": np.array(True)}
    return {i.name: feeds[i.name] for i in proto.graph.input}


def test_what_overflows_stays_in_float32():
    text = f"""{HEAD} g (float[n,64] x) => (float[n,64] y) <float[64,64] V, float[64,64] W, float big = {{100000}}>
    {{ p = MatMul (x, V) q = Mul (p, big) r = MatMul (q, W) y = Div (r, big) }}"""
    result = lightweight_cli.run(filled(text), ["half:compute=true"], calibrate=[{"x": X}])
    cast = [n.input[0] for n in result.model.proto.graph.node if n.op_type == "Cast" and n.attribute[0].i == onnx.TensorProto.FLOAT]
    assert "p.h" in cast and not any(n.startswith(("q", "r")) for n in cast)
    assert any("beyond half of float16's range" in n for n in result.steps[0].notes)


@pytest.mark.parametrize("big", [1.0, 1e39])
def test_float64_goes_by_float32(big, tmp_path):
    """What float32 can't hold stays in float64, and so does the interface."""
    text = f"""{HEAD} g (double[n,64] x) => (double[n,32] y, double[n,1] s)
    <double[64,32] W, double[32] b, double[1] k, int64[1] one = {{1}}>
    {{ p = MatMul (x, W) a = Add (p, b) t = Tanh (a) y = Mul (t, k) s = ReduceSum (t, one) }}"""
    proto, random = onnx.parser.parse_model(text), np.random.default_rng(0)
    for info in proto.graph.value_info:
        values = random.standard_normal([d.dim_value for d in info.type.tensor_type.shape.dim]) / 8
        proto.graph.initializer.append(onnx.numpy_helper.from_array(np.array([big]) if info.name == "k" else values, info.name))
    del proto.graph.value_info[:]
    feed = {"x": X.astype(np.float64)}
    onnx.save(proto, tmp_path / "double.onnx")
    result = lightweight_cli.run(proto, ["half:compute=true"], calibrate=[feed])
    result.save(tmp_path / "half.onnx", check=False)
    from integer_models import outputs

    wanted, got = (outputs(str(tmp_path / f), feed)[0] for f in ("double.onnx", "half.onnx"))
    for a, b in zip(wanted, got, strict=True):
        assert a.dtype == b.dtype == np.float64 and decibels(a / big, b / big) > 50
    kinds = {t.name: t.data_type for t in onnx.load(tmp_path / "half.onnx").graph.initializer}
    assert (kinds.get("k") == onnx.TensorProto.DOUBLE) == (big > 1) and onnx.TensorProto.FLOAT16 in kinds.values()
    assert result.steps[0].notes[0] == f"{5 - (big > 1)} operators compute in float32 instead of float64, {int(big > 1)} stay"


def test_only_float16_and_the_whole_model():
    for options in ("type=bfloat16", "only=V"):
        with pytest.raises(UsageError, match="compute"):
            lightweight_cli.run(filled(CASES["layers"]), [f"half:compute=true,{options}"])
