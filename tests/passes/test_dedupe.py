"""dedupe: equal tensors become one where names allow it."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from lightweight_cli.model.scopes import Scopes
from lightweight_cli.passes.dedupe.content import groups
from lightweight_cli.passes.dedupe.equal import merge
from lightweight_cli.passes.dedupe.holders import holders
from lightweight_cli.pipeline.context import Context
from lightweight_cli.pipeline.step_report import StepReport

X = np.arange(4, dtype=np.float32)


def names(model: onnx.ModelProto) -> list[str]:
    """Return the names of the main graph's initializers."""
    return [t.name for t in model.graph.initializer]


def test_the_first_of_equal_tensors_stays(bench):
    text = """
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[4] x) => (float[4] y)
    <float[4] A = {1, 2, 3, 4}, float[4] B = {1, 2, 3, 4}, float[2,2] shape_differs = {1, 2, 3, 4},
     float[4] value_differs = {1, 2, 3, 5}, int32[4] type_differs = {1, 2, 3, 4}, float[4] zero = {0, 0, 0, 0},
     float[4] minus_zero = {-0.0, -0.0, -0.0, -0.0}>
    {
      c = Constant <value = float[4] {1, 2, 3, 4}> ()
      a = Add (x, A)  b = Mul (a, B)  d = Div (b, c)  e = Sub (d, value_differs)
      flat = Constant <value_ints = [4]> ()  f = Reshape (shape_differs, flat)  h = Add (e, f)
      i = Cast <to = 1> (type_differs)  j = Add (h, i)  k = Div (j, zero)  y = Div (k, minus_zero)
    }
    """
    count, model = bench.apply(text, merge, {"x": X})
    assert count == 2 and names(model) == ["A", "shape_differs", "value_differs", "type_differs", "zero", "minus_zero"]
    assert [n.input[1] for n in model.graph.node[:3]] == ["A", "A", "A"]


SUBGRAPHS = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[4] x, bool c) => (float[4] y)
<float[4] W = {1, 2, 3, 4}>
{
  y = If (c) <
    then_branch = t () => (float[4] a) <float[4] V = {1, 2, 3, 4}, float[4] U = {7, 7, 7, 7}>
      { b = Add (x, V)  a = Mul (b, U) },
    else_branch = e () => (float[4] a) <float[4] U = {7, 7, 7, 7}>
      { k = Constant <value = float[4] {1, 2, 3, 4}> ()  b = Mul (x, U)  d = Sub (b, W)  a = Add (d, k) }
  >
}
"""


def test_an_outer_tensor_serves_inner_graphs_and_siblings_keep_theirs(bench):
    feeds = [{"x": X, "c": np.array(c)} for c in (True, False)]
    count, model = bench.apply(SUBGRAPHS, merge, *feeds)
    branches = [a.g for a in model.graph.node[0].attribute]
    assert count == 2 and [[t.name for t in g.initializer] for g in branches] == [["U"], ["U"]]
    assert list(branches[0].node[0].input) == ["x", "W"] and list(branches[1].node[-1].input) == ["d", "W"]


def test_what_a_branch_returns_keeps_its_name(bench):
    text = """
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[4] x, bool c) => (float[4] y) <float[4] W = {1, 2, 3, 4}>
    {
      z = If (c) < then_branch = t () => (float[4] a) { a = Constant <value = float[4] {1, 2, 3, 4}> () },
                   else_branch = e () => (float[4] a) { a = Add (x, W) } >
      y = Mul (z, W)
    }
    """
    assert bench.apply(text, merge, *[{"x": X, "c": np.array(c)} for c in (True, False)])[0] == 0


def test_a_loop_body_uses_the_tensor_around_it(bench):
    text = """
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[4] x, int64 n, bool go) => (float[4] y) <float[4] W = {1, 2, 3, 4}>
    {
      a = Add (x, W)
      y = Loop (n, go, a) <body = b (int64 i, bool on, float[4] v) => (bool on_out, float[4] w)
        <float[4] step = {1, 2, 3, 4}> { on_out = Identity (on)  w = Add (v, step) }>
    }
    """
    count, model = bench.apply(text, merge, {"x": X, "n": np.array(3), "go": np.array(True)})
    assert count == 1 and not model.graph.node[1].attribute[0].g.initializer


def test_shadowed_names_are_left(bench):
    text = SUBGRAPHS.replace("float[4] V", "float[4] W").replace("(x, V)", "(x, W)")
    model = bench.load(text)
    assert merge(Context(model, StepReport(""))) == 0 and names(model.proto) == ["W"]


def test_a_constant_serves_only_nodes_after_it(bench):
    text = """
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[4] x, bool c) => (float[4] y)
    {
      a = If (c) < then_branch = t () => (float[4] b) <float[4] V = {1, 2, 3, 4}> { b = Add (x, V) },
                   else_branch = e () => (float[4] b) { b = Neg (x) } >
      k = Constant <value = float[4] {1, 2, 3, 4}> ()
      d = If (c) < then_branch = t () => (float[4] b) <float[4] U = {1, 2, 3, 4}> { b = Add (a, U) },
                   else_branch = e () => (float[4] b) { b = Neg (a) } >
      y = Mul (d, k)
    }
    """
    count, model = bench.apply(text, merge, *[{"x": X, "c": np.array(c)} for c in (True, False)])
    first, _, second, _ = model.graph.node
    assert count == 1 and len(first.attribute[0].g.initializer) == 1
    assert not second.attribute[0].g.initializer and second.attribute[0].g.node[0].input[1] == "k"


def test_outputs_and_inputs_with_defaults_are_never_touched(bench):
    text = """
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[4] x, float[4] D) => (float[4] y, float[4] O)
    <float[4] D = {1, 2, 3, 4}, float[4] W = {1, 2, 3, 4}, float[4] O = {1, 2, 3, 4}>
    { a = Add (x, D)  b = Mul (a, O)  y = Sub (b, W) }
    """
    assert bench.apply(text, merge, {"x": X}, {"x": X, "D": X})[0] == 0
    w, o = "float[4] W = {1, 2, 3, 4}", "float[4] O = {1, 2, 3, 4}"
    moved = text.replace(f"{w}, {o}", f"{o}, {w}")
    count, model = bench.apply(moved, merge, {"x": X}, {"x": X, "D": X})
    assert count == 1 and names(model) == ["D", "O"] and model.graph.node[2].input[1] == "O"


def test_old_files_lose_the_inputs_of_their_initializers(bench):
    text = """
    <ir_version: 3, opset_import: ["" : 8]>
    g (float[4] x, float[4] A, float[4] B) => (float[4] y)
    <float[4] A = {1, 2, 3, 4}, float[4] B = {1, 2, 3, 4}> { a = Add (x, A)  y = Mul (a, B) }
    """
    count, model = bench.apply(text, merge, {"x": X})
    assert count == 1 and [v.name for v in model.graph.input] == ["x"] and model.ir_version == 4


def test_within_a_function_only(bench):
    text = """
    <ir_version: 8, opset_import: ["" : 17, "mine" : 1]>
    g (float[4] x) => (float[4] y) <float[4] W = {1, 2, 3, 4}>
    { a = mine.f <k = float[4] {1, 2, 3, 4}> (x)  y = Add (a, W) }
    <domain: "mine", opset_import: ["" : 17]>
    f <k> (x) => (y)
    {
      p = Constant <value = float[4] {1, 2, 3, 4}> ()  q = Constant <value = float[4] {1, 2, 3, 4}> ()
      r = Constant <value : tensor = @k> ()
      a = Add (x, p)  b = Mul (a, q)  y = Sub (b, r)
    }
    """
    count, model = bench.apply(text, merge, {"x": X})
    assert count == 1 and [n.op_type for n in model.functions[0].node] == ["Constant", "Constant", "Add", "Mul", "Sub"]


def test_a_longer_name_is_not_taken_where_the_file_would_grow(bench):
    long = "a_name_of_many_words_as_exporters_give_them"
    adds = "".join(f" v{i} = Add (v{i - 1}, s)" for i in range(1, 20))
    text = f"""
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[4] v0) => (float[4] y) <float {long} = {{1}}, float s = {{1}}> {{ {adds} y = Add (v19, {long}) }}
    """
    assert bench.apply(text, merge, {"v0": X})[0] == 0


def test_empty_tensors_strings_and_storage_of_one_value(bench):
    proto = onnx.parser.parse_model("""
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[4] x) => (float[N] y, string[M] s)
    { a = Concat <axis = 0> (x, e1, e2, f1, f2)  y = Identity (a)  s = Concat <axis = 0> (s1, s2, s3) }
    """)
    half = np.array([0.5, -2], np.float16)
    words = [["ab", "c"], ["ab", "c"], ["a", "bc"]]
    proto.graph.initializer.extend([
        *(numpy_helper.from_array(np.zeros(0, np.float32), n) for n in ("e1", "e2")),
        helper.make_tensor("f1", TensorProto.FLOAT, [2], [0.5, -2.0]),
        numpy_helper.from_array(half.astype(np.float32), "f2"),
        *(helper.make_tensor(f"s{i + 1}", TensorProto.STRING, [2], w) for i, w in enumerate(words))])
    model = bench.load(proto)
    assert merge(Context(model, StepReport(""))) == 3 and names(model.proto) == ["e1", "f1", "s1", "s3"]
    assert list(model.proto.graph.node[0].input) == ["x", "e1", "e1", "f1", "f1"]


def test_large_payloads_are_told_apart_in_the_middle(bench):
    proto = onnx.parser.parse_model("""
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[1, 10000] x) => (float[1, 10000] y) { a = Add (x, A)  b = Add (a, B)  y = Add (b, C) }
    """)
    large = np.random.default_rng(0).standard_normal(10000).astype(np.float32)
    other = large.copy()
    other[5000] += 1
    proto.graph.initializer.extend(numpy_helper.from_array(w, n) for n, w in (("A", large), ("B", other), ("C", large)))
    count, model = bench.apply(proto, merge, {"x": np.ones((1, 10000), np.float32)})
    assert count == 1 and names(model) == ["A", "B"] and model.graph.node[2].input[1] == "A"


def test_packed_values_are_compared_as_stored(bench):
    proto = onnx.parser.parse_model("""
    <ir_version: 10, opset_import: ["" : 21]> g (float[1] x) => (float[1] y) { y = Neg (x) }
    """)
    four = helper.make_tensor("raw", TensorProto.INT4, [3], bytes([0x21, 0x03]), raw=True)
    typed = helper.make_tensor("typed", TensorProto.INT4, [3], [1, 2, 3])
    proto.graph.initializer.extend([four, typed])
    model = bench.load(proto)
    (group,) = groups(model, list(holders(Scopes(model.proto))))
    assert [h.name for h in group] == ["raw", "typed"]
