"""fold: onnxruntime's optimisation, kept where it gains and nothing else changes."""

from __future__ import annotations

import math

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from lightweight_cli.checking.accuracy import OutputFidelity
from lightweight_cli.checking.same import is_same
from lightweight_cli.passes.fold import offline
from lightweight_cli.passes.fold.interface import restore
from lightweight_cli.passes.fold.offline import fold_offline
from lightweight_cli.runtime import optimise as child

X = np.random.default_rng(0).standard_normal((1, 2, 5, 5)).astype(np.float32)
CONV = """
<ir_version: 8, opset_import: ["" : 17], producer_name: "someone">
g (float[1,2,5,5] x) => (float[1,3,3,3] y)
<float[3] scale = {1, 2, 3}, float[3] bias = {0, 1, 2}, float[3] mean = {0.5, 0.25, 0}, float[3] var = {1, 2, 4}>
{
  c = Conv (x, W)
  n = BatchNormalization (c, scale, bias, mean, var)
  i = Identity (n)
  y = Relu (i)
}
"""


def conv(text: str = CONV, name: str = "W") -> onnx.ModelProto:
    """Return the model with its convolution weight."""
    proto = onnx.parser.parse_model(text)
    weight = np.random.default_rng(1).standard_normal((3, 2, 3, 3)).astype(np.float32)
    proto.graph.initializer.append(numpy_helper.from_array(weight, name))
    return proto


def test_fuses_and_keeps_all_that_callers_see(bench):
    proto = conv()
    proto.metadata_props.add(key="characters", value="abc")
    proto.graph.output[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    count, model = bench.apply(proto, fold_offline, {"x": X}, rtol=1e-6)
    assert count == 2 and [n.op_type for n in model.graph.node] == ["Conv", "Relu"]
    assert (model.ir_version, model.producer_name) == (8, "someone")
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 17)]
    assert model.graph.input == proto.graph.input and model.graph.output == proto.graph.output
    assert model.metadata_props == proto.metadata_props and not model.graph.value_info
    assert bench.notes[0].startswith("2 nodes and ")


def test_old_files_stay_loadable(bench):
    old = CONV.replace("ir_version: 8", "ir_version: 3").replace('"" : 17', '"" : 8')
    listed = "x, float[3,2,3,3] W, float[3] scale, float[3] bias, float[3] mean, float[3] var) =>"
    count, model = bench.apply(conv(old.replace("x) =>", listed)), fold_offline, {"x": X}, rtol=1e-6)
    assert count == 2 and model.ir_version == 4 and [v.name for v in model.graph.input] == ["x"]
    assert [o.version for o in model.opset_import] == [8]


def test_an_input_with_a_default_is_no_constant(bench):
    text = CONV.replace("x) =>", "x, float[3,2,3,3] W) =>")
    feeds = {"x": X}, {"x": X, "W": np.ones((3, 2, 3, 3), np.float32)}
    count, model = bench.apply(conv(text), fold_offline, *feeds, rtol=1e-6)
    assert count == 1 and [n.op_type for n in model.graph.node] == ["Conv", "BatchNormalization", "Relu"]
    assert [v.name for v in model.graph.input] == ["x", "W"] and "W" in {t.name for t in model.graph.initializer}


def test_a_weight_that_is_an_output_keeps_its_values(bench):
    text = CONV.replace("y)\n<", "y, float[3,2,3,3] W)\n<")
    _, model = bench.apply(conv(text), fold_offline, {"x": X}, rtol=1e-6)
    assert [v.name for v in model.graph.output] == ["y", "W"]


def test_weights_in_constant_nodes_and_branches(bench):
    text = """
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[2,2] x, bool c) => (float[2,2] y)
    {
      k = Constant <value = float[2,2] {1, 2, 3, 4}> ()  t = Transpose (k)  a = MatMul (x, t)
      y = If (c) <
        then_branch = p () => (float[2,2] b)
          { one = Constant <value = float[2,2] {1, 1, 1, 1}> ()  two = Add (one, one)  b = Mul (a, two) },
        else_branch = q () => (float[2,2] b) { b = Add (a, t) } >
    }
    """
    feeds = [{"x": X[0, 0, :2, :2], "c": np.array(c)} for c in (True, False)]
    count, model = bench.apply(text, fold_offline, *feeds, rtol=1e-6)
    assert count == 4 and [n.op_type for n in model.graph.node] == ["MatMul", "If"]


def test_functions_are_inlined_where_that_gains(bench):
    text = """
    <ir_version: 8, opset_import: ["" : 17, "mine" : 1]>
    g (float[4] x) => (float[4] y) { y = mine.f (x) }
    <domain: "mine", opset_import: ["" : 17]>
    f (a) => (b)
    { k = Constant <value = float {2}> ()  l = Constant <value = float {3}> ()  m = Add (k, l)  b = Mul (a, m) }
    """
    count, model = bench.apply(text, fold_offline, {"x": X[0, 0, 0, :4]}, rtol=1e-6)
    assert count == 4 and [n.op_type for n in model.graph.node] == ["Mul"]
    assert not model.functions and [o.domain for o in model.opset_import] == [""]


def test_constants_that_would_grow_the_file_stay_computed(bench):
    text = """
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[1000] x) => (float[1000] y)
    <int64[1] n = {1000}, float one = {1}>
    { e = Expand (one, n)  a = Identity (x)  y = Add (a, e) }
    """
    count, model = bench.apply(text, fold_offline, {"x": np.ones(1000, np.float32)}, rtol=1e-6)
    assert count == 1 and [n.op_type for n in model.graph.node] == ["Expand", "Add"]
    text = text.replace("a = Identity (x)  y = Add (a, e)", "y = Add (x, e)")
    count, model = bench.apply(text, fold_offline, {"x": np.ones(1000, np.float32)})
    assert count == 0 and "would make the file larger" in bench.notes[0]


def test_a_model_that_onnxruntime_does_not_know_stays(bench):
    text = """
    <ir_version: 8, opset_import: ["" : 17, "their.own" : 1]>
    g (float[4] x) => (float[4] y) { a = Identity (x)  y = their.own.Thing (a) }
    """
    assert bench.apply(text, fold_offline)[0] == 0
    assert bench.notes == ["not folded: Fatal error: their.own:Thing(-1) is not a registered function/op"]


def test_functions_of_another_opset_stay(bench):
    text = """
    <ir_version: 8, opset_import: ["" : 17, "mine" : 1]>
    g (float[4] x) => (float[4] y) { a = Identity (x)  y = mine.f (a) }
    <domain: "mine", opset_import: ["" : 16]> f (a) => (b) { b = Relu (a) }
    """
    assert bench.apply(text, fold_offline, {"x": X[0, 0, 0, :4]})[0] == 0
    assert bench.notes == ["not folded: function f is of another opset than the model"]


def test_functions_that_would_fill_the_memory_stay(bench):
    calls = "".join(f"""<domain: "mine", opset_import: ["" : 17, "mine" : 1]>
    f{i} (a) => (b) {{ c = mine.f{i - 1} (a)  b = mine.f{i - 1} (c) }}
    """ for i in range(1, 41))
    text = f"""
    <ir_version: 8, opset_import: ["" : 17, "mine" : 1]>
    g (float[4] x) => (float[4] y) {{ y = mine.f40 (x) }}
    <domain: "mine", opset_import: ["" : 17]> f0 (a) => (b) {{ b = Relu (a) }}
    {calls}"""
    assert bench.apply(text, fold_offline)[0] == 0
    assert bench.notes == ["not folded: its functions, written out, are 1.1e+12 nodes; at most 1,000,000 are folded"]


@pytest.mark.parametrize(("boot", "said"), [
    ("import time; time.sleep(60)", "onnxruntime was still optimising after 0.5 s"),
    ("import os; os.kill(os.getpid(), 11)", "onnxruntime ended with SIGSEGV while optimising"),
    ("raise SystemExit(3)", "exit code 3"),
])
def test_an_optimiser_that_hangs_or_crashes_leaves_the_model(bench, monkeypatch, boot, said):
    monkeypatch.setattr(child, "BOOT", boot)
    monkeypatch.setattr(child, "TIME_LIMIT", 0.5 if "sleep" in boot else 60)  # a busy machine takes a while to start a process
    assert bench.apply(conv(), fold_offline)[0] == 0 and bench.notes == [f"not folded: {said}"]


def test_what_changes_the_outputs_is_not_kept(bench, monkeypatch):
    right = offline.restore

    def wrong(old, new):
        for node in new.graph.node:
            node.op_type = node.op_type.replace("Relu", "Neg")
        return right(old, new)

    monkeypatch.setattr(offline, "restore", wrong)
    assert bench.apply(conv(), fold_offline)[0] == 0
    assert bench.notes[0].startswith('not folded: output "y" would change by more than rounding')


@pytest.mark.parametrize(("output", "same"), [
    (OutputFidelity("y", "tensor(float)", 1e-7, 120.0), True),
    (OutputFidelity("y", "tensor(float)", 1e-3, 60.0), False),
    (OutputFidelity("y", "tensor(float16)", 1e-3, 60.0), True),
    (OutputFidelity("y", "tensor(float)", 0.0, math.inf), True),
    (OutputFidelity("y", "tensor(float)", 1.0, -math.inf), False),
    (OutputFidelity("y", "tensor(int64)", agreement=1.0), True),
    (OutputFidelity("y", "tensor(int64)", agreement=0.99), False),
    (OutputFidelity("y", "tensor(float)", note="other shapes"), False),
])
def test_rounding_is_told_from_change(output, same):
    assert is_same(output) == same


def test_results_that_change_more_than_values_are_refused():
    text = '<ir_version: 8, opset_import: ["" : 17]> g (float[4] x) => (float[4] y) { y = Relu (x) }'
    old = onnx.parser.parse_model(text)

    def refused(change) -> str | None:
        new = onnx.parser.parse_model(text)
        change(new)
        return restore(old, new)

    assert refused(lambda m: None) is None
    assert refused(lambda m: m.graph.output.add(name="z")) == "its inputs or outputs are others"
    assert refused(lambda m: m.graph.initializer.add(name="x")) == "its inputs or outputs are others"
    assert refused(lambda m: setattr(m.opset_import[0], "version", 18)) == "its opset of 'ai.onnx' is another"
    assert refused(lambda m: setattr(m, "ir_version", 9)) == "its IR version is higher"
    fused = helper.make_node("FusedConv", ["x"], ["z"], domain="com.microsoft")
    assert refused(lambda m: m.graph.node.append(fused)) == "it uses FusedConv of com.microsoft"
