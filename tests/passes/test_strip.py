"""strip: what nothing uses goes, and nothing else."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from lightweight_cli.passes.strip.unused import remove

X = np.arange(4, dtype=np.float32)
BRANCHES = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[4] x, bool c) => (float[4] y)
<float[4] W = {1, 2, 3, 4}, float[4] only_inside = {5, 6, 7, 8}, float[4] dead = {9, 9, 9, 9}>
{
  unused = Mul (x, dead)
  also_unused = Relu (unused)
  captured = Neg (x)
  y = If (c) <
    then_branch = t () => (float[4] a) <float[4] lost = {1, 1, 1, 1}> { a = Add (captured, W)  b = Mul (a, lost) },
    else_branch = e () => (float[4] a) { k = Constant <value = float[4] {1, 1, 1, 1}> ()  a = Add (x, only_inside) }
  >
}
"""


def test_dead_nodes_and_initializers_go_and_captures_stay(bench):
    feeds = [{"x": X, "c": np.array(c)} for c in (True, False)]
    count, model = bench.apply(BRANCHES, remove, *feeds)
    assert [n.op_type for n in model.graph.node] == ["Neg", "If"]
    assert [t.name for t in model.graph.initializer] == ["W", "only_inside"]
    branches = [a.g for a in model.graph.node[1].attribute]
    assert [len(g.node) for g in branches] == [1, 1] and not any(g.initializer for g in branches)
    assert count == 6  # Mul, Relu and their weight; Mul and its weight in one branch, the Constant in the other
    assert bench.notes == ["removed, by kind: node 4, initializer 2"]


def test_a_loop_body_keeps_what_it_returns(bench):
    text = """
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[4] x, int64 n, bool go) => (float[4] y)
    <float[4] step = {1, 2, 3, 4}>
    {
      y, trace = Loop (n, go, x) <body = b (int64 i, bool on, float[4] v) => (bool on_out, float[4] w, float[4] t)
        { on_out = Identity (on)  w = Add (v, step)  t = Mul (w, w)  nothing = Cast <to = 1> (i) }>
    }
    """
    count, model = bench.apply(text, remove, {"x": X, "n": np.array(3), "go": np.array(True)})
    (loop,) = model.graph.node
    assert count == 1 and [n.op_type for n in loop.attribute[0].g.node] == ["Identity", "Add", "Mul"]
    assert list(loop.output) == ["y", "trace"]


def test_outputs_that_are_weights_or_inputs_stay(bench):
    text = """
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[4] x) => (float[4] W, float[4] y) <float[4] W = {1, 2, 3, 4}> { y = Add (x, W) }
    """
    assert bench.apply(text, remove, {"x": X})[0] == 0


def test_unsorted_nodes_stay(bench):
    text = """
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[4] x) => (float[4] y) { y = Relu (a)  a = Neg (x)  d = Neg (a) }
    """
    count, model = bench.apply(text, remove, {"x": X})
    assert count == 1 and [list(n.output) for n in model.graph.node] == [["y"], ["a"]]


def test_inputs_of_old_files_that_are_initializers_go(bench):
    text = """
    <ir_version: 3, opset_import: ["" : 8]>
    g (float[4] x, float[4] W, float[4] dead) => (float[4] y)
    <float[4] W = {1, 2, 3, 4}, float[4] dead = {5, 6, 7, 8}> { y = Add (x, W) }
    """
    count, model = bench.apply(text, remove, {"x": X})
    assert count == 3  # two inputs and an initializer
    assert [v.name for v in model.graph.input] == ["x"] and [t.name for t in model.graph.initializer] == ["W"]
    assert model.ir_version == 4


def test_inputs_with_defaults_stay_even_if_unused(bench):
    text = """
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[4] x, float[4] W, float[4] unused) => (float[4] y)
    <float[4] W = {1, 2, 3, 4}, float[4] unused = {5, 6, 7, 8}> { y = Add (x, W) }
    """
    assert bench.apply(text, remove, {"x": X}, {"x": X, "W": X})[0] == 0


FUNCTIONS = """
<ir_version: 8, opset_import: ["" : 17, "mine" : 1, "ai.onnx.ml" : 3, "com.microsoft" : 1]>
g (float[4] x) => (float[4] y) { y = mine.outer (x) }
<domain: "mine", opset_import: ["" : 17, "mine" : 1]>
outer (a) => (b) { k = Constant <value = float {2}> ()  dead = Neg (a)  c = Mul (a, k)  b = mine.inner (c) }
<domain: "mine", opset_import: ["" : 17]>
inner (a) => (b) { b = Relu (a) }
<domain: "mine", opset_import: ["" : 17, "mine" : 1]>
lonely (a) => (b) { b = mine.lonelier (a) }
<domain: "mine", opset_import: ["" : 17]>
lonelier (a) => (b) { b = Relu (a) }
"""


def test_functions_that_are_not_called_go(bench):
    count, model = bench.apply(FUNCTIONS, remove, {"x": X})
    assert [f.name for f in model.functions] == ["outer", "inner"]
    assert [n.op_type for n in model.functions[0].node] == ["Constant", "Mul", "inner"]
    assert {o.domain for o in model.opset_import} == {"", "mine"}
    assert count == 5  # two functions, a node, two imports


def test_a_function_whose_only_call_is_dead_goes(bench):
    text = FUNCTIONS.replace("y = mine.outer (x)", "y = Relu (x)  z = mine.outer (x)")
    _, model = bench.apply(text, remove, {"x": X})
    assert not model.functions and [o.domain for o in model.opset_import] == [""]


def test_unknown_domains_keep_nodes_without_outputs_and_all_shapes(bench):
    text = """
    <ir_version: 8, opset_import: ["" : 17, "their.own" : 1]>
    g (float[4] x) => (float[4] y) <float[4] a, float[4] gone> { a = Neg (x)  y = their.own.Thing (a)  d = Neg (x) }
    """
    proto = onnx.parser.parse_model(text)
    proto.graph.node.append(helper.make_node("Log", ["x"], [], domain="their.own"))
    count, model = bench.apply(proto, remove)
    assert [n.op_type for n in model.graph.node] == ["Neg", "Thing", "Log"]
    assert [v.name for v in model.graph.value_info] == ["a"] and count == 2


def test_stored_shapes_stay_because_onnxruntime_optimises_by_them(bench, tmp_path):
    """Inference gives [N, M] for `a`; what is stored lets onnxruntime compute Shape, and all behind it, at load."""
    text = """
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[N, M] x) => (float[P] y) <float[2,4] a, float[7] ghost>
    { a = Relu (x)  s = Shape (a)  f = Cast <to = 1> (s)  e = Exp (f)  b = Neg (e)  c = Abs (b)  y = Mul (c, c) }
    """
    count, model = bench.apply(text, remove, {"x": np.ones((2, 4), np.float32)})
    assert [v.name for v in model.graph.value_info] == ["a"] and count == 1

    def optimised(proto):
        options = ort.SessionOptions()
        options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
        options.log_severity_level = 4
        ort.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return len(onnx.load(tmp_path / "optimised.onnx").graph.node)

    bare = onnx.ModelProto.FromString(model.SerializeToString())
    bare.graph.ClearField("value_info")
    assert optimised(model) == optimised(onnx.parser.parse_model(text)) < optimised(bare)


def noted() -> onnx.ModelProto:
    """A model with doc strings and metadata properties wherever they can be."""
    proto = onnx.parser.parse_model(BRANCHES)
    proto.doc_string = proto.graph.doc_string = "about"
    proto.graph.input[0].doc_string = proto.graph.initializer[0].doc_string = "about"
    proto.graph.node[-1].doc_string = "about"
    proto.graph.node[-1].attribute[0].g.node[0].doc_string = "about"
    proto.metadata_props.add(key="author", value="someone")
    proto.metadata_props.add(key="lwc.source", value="abc")
    proto.graph.metadata_props.add(key="note", value="1")
    proto.graph.node[-1].metadata_props.add(key="lwc.note", value="1")
    return proto


@pytest.mark.parametrize(("keep_doc", "metadata", "extra"), [(False, False, 8), (True, False, 0), (True, True, 1), (False, True, 9)])
def test_doc_strings_and_metadata(bench, keep_doc, metadata, extra):
    feed = {"x": X, "c": np.array(True)}
    count, model = bench.apply(noted(), remove, feed, keep_doc=keep_doc, metadata=metadata)
    assert count == 6 + extra
    assert (b"about" in model.SerializeToString()) == keep_doc
    assert [p.key for p in model.metadata_props] == (["lwc.source"] if metadata else ["author", "lwc.source"])
    assert [p.key for p in model.graph.metadata_props] == (["note"] if keep_doc else [])
    assert [p.key for p in model.graph.node[-1].metadata_props] == (["lwc.note"] if keep_doc else [])


def test_what_exporters_note_goes_wherever_it_is(bench):
    text = FUNCTIONS.replace("y = mine.outer (x)", "n = mine.outer (x)  r = Neg (n)  y = Reshape (r, s)").replace(
        "(float[4] y) {", "(float[4] y) <int64[1] s = {4}, float[4] n> {")
    proto = onnx.parser.parse_model(text)
    outer = proto.functions[0]
    for owner in (proto.graph, proto.graph.node[0], proto.graph.node[1], proto.graph.input[0], proto.graph.output[0],
                  proto.graph.initializer[0], outer, outer.node[0], outer.node[0].attribute[0].t):
        owner.metadata_props.add(key="pkg.torch.onnx.stack_trace", value="File model.py, line 1")
    proto.metadata_props.add(key="names", value="{0: 'cat'}")
    _, kept = bench.apply(proto, remove, {"x": X}, keep_doc=True)
    assert kept.SerializeToString().count(b"stack_trace") == 9
    _, model = bench.apply(proto, remove, {"x": X})
    assert b"stack_trace" not in model.SerializeToString()
    assert [(p.key, p.value) for p in model.metadata_props] == [("names", "{0: 'cat'}")]


def test_quantization_annotations_follow_their_tensors(bench):
    proto = onnx.parser.parse_model(BRANCHES)
    proto.graph.initializer.append(numpy_helper.from_array(np.float32(0.5), "scale"))
    for name in ("W", "dead"):
        annotation = proto.graph.quantization_annotation.add(tensor_name=name)
        annotation.quant_parameter_tensor_names.add(key="SCALE_TENSOR", value="scale")
    _, model = bench.apply(proto, remove, {"x": X, "c": np.array(True)})
    assert [a.tensor_name for a in model.graph.quantization_annotation] == ["W"]
    assert "scale" in {t.name for t in model.graph.initializer}


def test_sparse_initializers_go_when_unused(bench):
    proto = onnx.parser.parse_model(BRANCHES)
    for name in ("sparse", "W2"):
        values = numpy_helper.from_array(np.array([3], np.float32), name)
        indices = helper.make_tensor(f"{name}_indices", TensorProto.INT64, [1], [2])
        proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [4]))
    proto.graph.node[2].CopyFrom(helper.make_node("Sub", ["W2", "x"], ["captured"]))
    _, model = bench.apply(proto, remove, {"x": X, "c": np.array(True)})
    assert [s.values.name for s in model.graph.sparse_initializer] == ["W2"]


def test_repeated_imports_go_and_the_last_one_stays(bench):
    text = '<ir_version: 8, opset_import: ["ai.onnx.ml" : 3]> g (float[4] x) => (float[4] x) {}'
    assert bench.apply(text, remove)[0] == 0
    proto = onnx.parser.parse_model(BRANCHES)
    proto.opset_import.add(domain="", version=17)
    _, model = bench.apply(proto, remove, {"x": X, "c": np.array(True)})
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 17)]


DEFAULT = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[4] x, float[4] W, float[4] unused) => (float[4] y)
<float[4] W = {1, 2, 3, 4}, float[4] unused = {5, 6, 7, 8}> { y = Add (x, W) }
"""


def test_inputs_with_defaults_become_constants_if_asked(bench):
    count, model = bench.apply(DEFAULT, remove, {"x": X}, freeze_inputs=True)
    assert count == 3  # two inputs, and the initializer that nothing reads
    assert [v.name for v in model.graph.input] == ["x"] and [t.name for t in model.graph.initializer] == ["W"]
    assert bench.notes == ["removed, by kind: input with a default 2, initializer 1"]


def test_the_check_expects_the_inputs_that_strip_froze(call, tmp_path):
    proto = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17]>
        g (float[2,300] x, float[300,300] W) => (float[2,300] y) { y = MatMul (x, W) }""")
    weight = np.random.default_rng(0).normal(size=(300, 300)).astype(np.float32)
    proto.graph.initializer.append(numpy_helper.from_array(weight, "W"))
    (tmp_path / "model.onnx").write_bytes(proto.SerializeToString())
    np.savez(tmp_path / "data.npz", x=np.ones((2, 300), np.float32))
    status, _, told = call("quantize", "model.onnx", "-o", "same.onnx")
    assert status == 0 and "strip --freeze-inputs fixes it" in told
    steps = ("-p", "strip:freeze_inputs=true", "-p", "quantize")
    for more in ((), ("--data", "data.npz")):
        status, _, told = call("run", "model.onnx", *steps, "-f", "-o", "small.onnx", *more)
        assert status == 0 and "1 weight quantized" in told
    assert (tmp_path / "small.onnx").stat().st_size < 110_000
    status, _, told = call("verify", "model.onnx", "small.onnx")
    assert status == 3 and 'overridable inputs lost "W"' in told
