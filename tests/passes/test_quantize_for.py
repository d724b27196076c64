"""quantize --for speed and memory: decided by measuring, by a table, or by a plan; the rest is stored or stays."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import onnx
import pytest
from weight_models import filled, gaussian

import lightweight_cli
from lightweight_cli.compute.arch import here
from lightweight_cli.errors import InputError, UsageError

TEXT = """
<ir_version: 8, opset_import: ["" : 17]>
g (int64[N] i, float[N, 256] x) => (float[N, 256] y) <float[64, 256] E, float[256, 1024] W, float[1024, 256] V>
{ e = Gather (E, i) s = Add (e, x) h = MatMul (s, W) r = Relu (h) y = MatMul (r, V) }
"""
PROTO = filled(TEXT, E=gaussian(64, 256), W=gaussian(256, 1024) / 16, V=gaussian(1024, 256) / 32)
DATA = [{"i": np.arange(16) % 64, "x": np.random.default_rng(k).standard_normal((16, 256)).astype(np.float32)} for k in range(2)]


def operators(result):
    return Counter(n.op_type for n in result.model.proto.graph.node)


def test_a_table_decides_for_another_machine_and_a_plan_repeats_it(tmp_path):
    file = tmp_path / "plan.json"
    first = lightweight_cli.run(PROTO, [f"quantize:for=speed,arch=vnni,keep=0,plan={file}"], calibrate=DATA)
    assert operators(first)["MatMulInteger"] == 2 and "MatMul" not in operators(first)
    plan = json.loads(file.read_text())
    assert plan == {"plan": 1, "reduced": False, "rounded": True, "forms": {"/W": "dynamic int8", "/V": "dynamic int8"}, "ranges": {},
                    "balance": {}, "divided": {}}
    told = {w.name: w for w in first.steps[0].weights}
    assert told["W"].stored_as == "dynamic int8, computed in integers" and " dB" in told["W"].method and told["E"].bits == 8
    assert first.steps[0].text == "quantize:keep=0,for=speed,arch=vnni" and told["V"].bits == 8
    assert first.size < PROTO.ByteSize() / 3.5
    second = lightweight_cli.run(PROTO, [f"quantize:for=speed,arch=vnni,keep=0,plan={file}"], calibrate=DATA)
    assert second.model.serialized() == first.model.serialized().replace(first.model.mark.encode(), second.model.mark.encode())
    third = lightweight_cli.run(PROTO, [f"quantize:for=speed,arch=vnni,keep=0,plan={file}"])
    assert operators(third) == operators(first) and any("the nearest: there are no calibration data" in n for n in third.steps[0].notes)
    file.write_text(json.dumps({**plan, "forms": {"/X": "dynamic int8"}}))
    with pytest.raises(UsageError, match="X is no layer of this model"):
        lightweight_cli.run(PROTO, [f"quantize:for=speed,plan={file}"])
    file.write_text(json.dumps({**plan, "forms": {"/W": "static int8"}}))
    with pytest.raises(UsageError, match="has no range of s, which static int8 needs"):
        lightweight_cli.run(PROTO, [f"quantize:for=speed,activations=static,plan={file}"])
    file.write_text("{}")
    with pytest.raises(InputError, match="not a plan of quantize"):
        lightweight_cli.run(PROTO, [f"quantize:for=speed,plan={file}"])


def test_what_goes_to_other_processors_is_checked_as_it_is_there():
    """Large codes beside large activations: 8 bits overflow where there is no VNNI, which the check must not see."""
    large = filled(TEXT, E=gaussian(64, 256), W=np.sign(gaussian(256, 1024)) / 8, V=np.sign(gaussian(1024, 256)) / 8)
    result = lightweight_cli.run(large, ["quantize:for=speed,arch=vnni,keep=0"], calibrate=DATA)
    assert operators(result)["MatMulInteger"] == 2 and result.check(DATA, min_sqnr=25).sqnr > 25
    assert any("overflow on this machine" in n for n in result.steps[0].notes) == here().reduced


def test_where_zero_has_the_code_0_activations_have_it_too():
    text = """<ir_version: 8, opset_import: ["" : 17]> g (float[N, 16, 12, 12] x) => (float[N, 32, 12, 12] y)
    <float[64, 16, 3, 3] W, float[64] b, float[32, 64, 1, 1] V, float[32, 1, 3, 3] D>
    { h = Conv <pads = [1, 1, 1, 1]> (x, W, b) r = Relu (h) v = Conv (r, V) y = Conv <pads = [1, 1, 1, 1], group = 32> (v, D) }"""
    proto = filled(text, W=gaussian(64, 16, 3, 3) / 12, b=gaussian(64), V=gaussian(32, 64, 1, 1) / 8, D=gaussian(32, 1, 3, 3) / 3)
    data = [{"x": np.random.default_rng(0).standard_normal((8, 16, 12, 12)).astype(np.float32)}]
    result = lightweight_cli.run(proto, ["quantize:for=speed,activations=static"], calibrate=data, target="tensorrt")
    graph = result.model.proto.graph
    made = operators(result)
    assert made["QuantizeLinear"] == 4 and made["DequantizeLinear"] == 7 and made["Relu"] == 1
    kinds = {t.name: t.data_type for t in graph.initializer}
    zeros = {n.input[2] for n in graph.node if n.op_type in ("QuantizeLinear", "DequantizeLinear")}
    assert {kinds[z] for z in zeros} == {onnx.TensorProto.INT8} and kinds["b"] == onnx.TensorProto.FLOAT
    assert not any(result.model.array(t).any() for t in graph.initializer if t.name in zeros)
    assert result.check(data, min_sqnr=25).sqnr > 25


def test_balanced_channels_are_kept_where_outputs_are_nearer_and_in_the_plan(tmp_path):
    """A few channels of what V reads are far larger than the others."""
    wide = gaussian(256, 1024) / 16
    wide[:, :3] *= 60
    down = gaussian(1024, 256) / 32
    down[:3] /= 60
    proto, file = filled(TEXT, E=gaussian(64, 256), W=wide, V=down), tmp_path / "plan.json"
    words = [f"quantize:for=speed,arch=avx2,keep=0,plan={file}"]
    first = lightweight_cli.run(proto, words, calibrate=DATA)
    (said,) = [n for n in first.steps[0].notes if "SmoothQuant" in n]
    assert "became" in said and not said.endswith("left") and set(json.loads(file.read_text())["balance"]) >= {"r"}
    assert first.check(DATA).sqnr > 28
    second = lightweight_cli.run(proto, words)
    assert second.model.serialized() == first.model.serialized().replace(first.model.mark.encode(), second.model.mark.encode())


@pytest.mark.parametrize("target", [None, "tensorrt"])
def test_static_layers_read_balanced_values_too(target, tmp_path):
    """Where no normalization can take the factors in, a Mul divides, and its range is that of what is divided."""
    gain = np.ones(256, np.float32)
    gain[:3] = 60
    proto = filled("""<ir_version: 8, opset_import: ["" : 17]> g (float[N, 256] x) => (float[N, 64] y) <float[256] s, float[256, 64] W>
    { v = Mul (x, s) y = MatMul (v, W) }""", s=gain, W=gaussian(256, 64) / gain[:, None])
    data, file = [{"x": np.random.default_rng(0).standard_normal((64, 256)).astype(np.float32)}], tmp_path / "plan.json"
    words = [f"quantize:for=speed,arch=avx2,keep=0,activations=static,plan={file}"]
    result = lightweight_cli.run(proto, words, calibrate=data, target=target)
    (said,) = [n for n in result.steps[0].notes if "SmoothQuant" in n]
    plan = json.loads(file.read_text())
    assert "became" in said and not said.endswith("left") and set(plan["balance"]) == set(plan["divided"]) == {"v"}
    assert max(plan["divided"]["v"]) < max(plan["ranges"]["v"]) / 5
    assert result.check(data).sqnr > 28


def test_measuring_decides_here():
    result = lightweight_cli.run(PROTO, ["quantize:for=speed,keep=0"], calibrate=DATA)
    (said,) = [n for n in result.steps[0].notes if "MatMul as dynamic int8" in n]
    assert operators(result)["MatMulInteger"] == (2 if said.endswith("kept") else 0)
    assert "as fast as before" in said


def test_weights_that_are_no_numbers_stay_out():
    proto = filled(TEXT, E=gaussian(64, 256), W=np.full((256, 1024), np.nan, np.float32), V=gaussian(1024, 256) / 32)
    result = lightweight_cli.run(proto, ["quantize:for=speed,arch=vnni,keep=0"], calibrate=DATA)
    assert "not in integers: 1 x weights are not finite" in result.steps[0].notes


def test_for_memory_nothing_is_decoded_at_load_but_rows(tmp_path):
    proto = filled(TEXT.replace("64, 256", "6000, 256"), E=gaussian(6000, 256), W=gaussian(256, 1024) / 16, V=gaussian(1024, 256) / 32)
    result = lightweight_cli.run(proto, ["quantize:for=memory,keep=0,arch=avx2,exclude=V"], calibrate=DATA)
    kinds = {t.name: t.data_type for t in result.model.proto.graph.initializer}
    gather = next(n for n in result.model.proto.graph.node if n.op_type == "Gather")
    assert kinds[gather.input[0]] in (onnx.TensorProto.INT8, onnx.TensorProto.UINT8) and kinds["V"] == onnx.TensorProto.FLOAT
    assert operators(result)["MatMulInteger"] == 1
    assert {left.name: left.reason for left in result.steps[0].left}["V"] == "excluded (--exclude V)"


@pytest.mark.parametrize("option", ["activations=none", "reduce_range=true", "arch=vnni", "plan=p.json"])
def test_options_of_speed_need_it(option):
    with pytest.raises(UsageError, match="needs for_?=speed or for_?=memory|needs --for|needs for"):
        lightweight_cli.run(PROTO, [f"quantize:{option}"])


def test_what_computes_is_not_stored_again_in_fewer_bits():
    text = """<ir_version: 8, opset_import: ["" : 17]> g (float[N, 16, 12, 12] x) => (float[N, 32, 12, 12] y)
    <float[64, 16, 3, 3] W, float[32, 64, 3, 3] V>
    { h = Conv <pads = [1, 1, 1, 1]> (x, W) r = Relu (h) y = Conv <pads = [1, 1, 1, 1]> (r, V) }"""
    proto = filled(text, W=gaussian(64, 16, 3, 3) / 12, V=gaussian(32, 64, 3, 3) / 24)
    data = [{"x": np.random.default_rng(0).standard_normal((8, 16, 12, 12)).astype(np.float32)}]
    result = lightweight_cli.run(proto, ["quantize:for=speed,arch=avx2,keep=0,bits=4,ranges=minmax"], calibrate=data)
    kinds = Counter(t.data_type for t in result.model.proto.graph.initializer if t.dims[:1] in ([64], [32]) and len(t.dims) == 4)
    assert kinds == {onnx.TensorProto.INT8: 2} and not result.steps[0].left
    assert {w.stored_as for w in result.steps[0].weights} == {"static int8, computed in integers"}
