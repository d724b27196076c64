"""Scopes: where a name gets its meaning, and who uses it."""

from __future__ import annotations

import onnx

from lightweight_cli.model.scopes import Scopes, subgraphs

NESTED = """
<ir_version: 8, opset_import: ["" : 17, "own" : 1]>
g (float[2] x, bool c) => (float[2] y)
<float[2] A = {1, 2}, float[2] B = {3, 4}>
{
  y = If (c) <
    then_branch = t () => (float[2] r) <float[2] B = {5, 6}> { s = Add (x, A)  r = Add (s, B) },
    else_branch = e () => (float[2] B) { unused = Identity (A) }
  >
}
<domain: "own", opset_import: ["" : 13]>
f (a) => (b) { A = Constant <value = float[2] {1, 2}> ()  b = Add (a, A) }
"""


def scopes(text: str) -> Scopes:
    return Scopes(onnx.parser.parse_model(text))


def test_inner_names_hide_outer_ones():
    found = scopes(NESTED)
    main, then, other, function = found.all
    assert found.main is main and [s.graph.name for s in (main, then, other)] == ["g", "t", "e"]
    assert then.resolve("B") is then and other.resolve("B") is main and main.resolve("r") is None
    assert then.resolve("x") is main and then.resolve("A") is main and then.resolve("nothing") is None
    assert then.parent is main and function.parent is None


def test_uses_are_kept_where_the_name_is_defined():
    main, then, other, function = scopes(NESTED).all
    assert [(u.scope, u.node.op_type, u.index) for u in main.uses["A"]] == [(then, "Add", 1), (other, "Identity", 0)]
    assert [u.node.op_type for u in then.uses["B"]] == ["Add"] and "B" not in main.uses
    assert [u.scope for u in function.uses["A"]] == [function]


def test_an_outer_value_that_a_subgraph_returns_is_an_output_of_its_own_graph():
    main, _, other, _ = scopes(NESTED).all
    assert "B" in other.outputs and "B" in main.outputs and "A" not in main.outputs


def test_functions_see_only_their_own():
    found = scopes(NESTED)
    function = found.functions["own", "f"]
    assert function.is_function and function.opset == 13 and found.main.opset == 17
    assert function.resolve("A") is function and function.resolve("B") is None
    assert function.inputs == {"a"} and function.outputs == {"b"}


def test_initializers_of_ir_3_are_constants():
    text = """<ir_version: 3, opset_import: ["" : 8]> g (float[2] x, float[2] A) => (float[2] y)
              <float[2] A = {1, 2}> { y = Add (x, A) }"""
    assert scopes(text).main.inputs == {"x"}
    assert scopes(text.replace("ir_version: 3", "ir_version: 4")).main.inputs == {"x", "A"}


def test_sparse_initializers_have_a_name():
    proto = onnx.parser.parse_model(NESTED)
    proto.graph.sparse_initializer.add().values.name = "S"
    found = Scopes(proto)
    assert found.all[1].resolve("S") is found.main


def test_all_names():
    assert {"x", "c", "y", "A", "B", "s", "r", "unused", "a", "b"} == scopes(NESTED).names()


def test_every_kind_of_subgraph_is_walked():
    proto = onnx.parser.parse_model(NESTED)
    node = proto.graph.node.add(op_type="Many")
    node.attribute.add(name="branches", type=10).graphs.add(name="one")
    node.attribute[0].graphs.add(name="two")
    assert [g.name for g in subgraphs(proto.graph)] == ["t", "e", "one", "two"]
    assert len(Scopes(proto).all) == 6
