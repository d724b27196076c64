"""Weights: found wherever they live, with the channel axes of their operator, or locked and why."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from lightweight_cli.model.load import load
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.model.wire import framed
from lightweight_cli.weights.search import OVERRIDABLE, find_weights
from lightweight_cli.weights.weight import Weight

HEAD = '<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1, "own" : 1]>'


def used(weight: Weight) -> list[tuple[str, tuple[int, ...]]]:
    """Return the operators that use a weight, and its channel axes there."""
    return [(r.op, r.axes) for r in weight.roles]


@pytest.fixture
def find(save):
    """Return the weights of a model by name."""

    def do(model: str | onnx.ModelProto) -> dict[str, Weight]:
        loaded = load(save(model))
        found = find_weights(loaded, Scopes(loaded.proto))
        assert len({w.name for w in found}) == len(found)
        return {w.name: w for w in found}

    return do


@pytest.mark.parametrize(
    ("shape", "node", "op", "axes"),
    [
        ("8,4,3,3", "y = Conv (x, W)", "Conv", (0,)),
        ("8,4,3", "y = Conv <group = 2> (x, W)", "Conv", (0,)),
        ("8,4,3,3", "y = ConvTranspose (x, W)", "ConvTranspose", (0,)),
        ("8,4", "y = Gemm (x, W)", "Gemm", (1,)),
        ("8,4", "y = Gemm <transB = 1> (x, W)", "Gemm", (0,)),
        ("8,4", "y = Gemm (W, x)", "Gemm", (0,)),
        ("8,4", "y = Gemm <transA = 1> (W, x)", "Gemm", (1,)),
        ("8,4", "y = MatMul (x, W)", "MatMul", (1,)),
        ("8,4", "y = MatMul (W, x)", "MatMul", (0,)),
        ("3,8,4", "y = MatMul (x, W)", "MatMul", (0, 2)),
        ("3,8,4", "y = MatMul (W, x)", "MatMul", (0, 1)),
        ("8", "y = MatMul (x, W)", "MatMul", ()),
        ("8,4", "y = Gather (W, i)", "Gather", (0,)),
        ("8,4,3,3", "y = DeformConv (x, W, r)", "DeformConv", (0,)),
        ("6,33,14", 'y = Einsum <equation = "bhtk, hkd -> bhtd"> (x, W)', "Einsum", (0, 2)),
        ("6,14,33", 'y = Einsum <equation = "hdk,bhtk"> (W, x)', "Einsum", (1,)),
        ("33,14", 'y = Einsum <equation = "...k,kd->...d"> (x, W)', "Einsum", (1,)),
        ("2,8,4", 'y = LSTM <hidden_size = 2, direction = "bidirectional"> (x, W, r)', "LSTM", (0, 1)),
        ("2,8,4", 'y = LSTM <hidden_size = 2, direction = "bidirectional"> (x, r, W)', "LSTM", (0, 1)),
        ("1,6,4", "y = GRU <hidden_size = 2> (x, W, r)", "GRU", (0, 1)),
        ("1,6,4", "y = RNN <hidden_size = 6> (x, r, W)", "RNN", (0, 1)),
        ("8,12", "y = com.microsoft.Attention <num_heads = 2> (x, W, r)", "Attention", (1,)),
        ("8,4", "y = com.microsoft.FusedMatMul (x, W)", "FusedMatMul", (1,)),
        ("8,4", "y = com.microsoft.FusedMatMul <transB = 1> (x, W)", "FusedMatMul", (0,)),
        ("8,4", "y = com.microsoft.FusedGemm <transB = 1> (x, W, r)", "FusedGemm", (0,)),
        ("8,4", "v = Transpose (W)  y = MatMul (x, v)", "MatMul", (0,)),
        ("8,4", "v = Transpose <perm = [1, 0]> (W)  u = Identity (v)  y = MatMul (x, u)", "MatMul", (0,)),
        ("5,8,4", "v = Transpose <perm = [1, 2, 0]> (W)  y = MatMul (x, v)", "MatMul", (0, 1)),
        ("8,4", "n = Constant <value_ints = [4, 8]> ()  v = Reshape (W, n)  y = MatMul (x, v)", "MatMul", (0,)),
        ("8,4", "v, u = Split (W)  y = MatMul (x, v)", "MatMul", (0,)),
    ],
)
def test_roles_and_their_channel_axes(find, shape, node, op, axes):
    weight = find(f"{HEAD} g (float[8,8] x, float[8] r, int64[2] i) => (float y) <float[{shape}] W> {{ {node} }}")["W"]
    assert used(weight) == [(op, axes)] and not weight.locked and not weight.encoded
    assert weight.shape == tuple(map(int, shape.split(","))) and weight.size == np.prod(weight.shape)


@pytest.mark.parametrize(
    "node",
    [
        "y = Add (x, W)",
        "y = Conv (x, x, W)",
        "y = LSTM <hidden_size = 2> (x, x, x, W)",
        "y = own.MatMul (x, W)",
        "y = MatMul (x, x)  z = Mul (x, W)",
        "y = LayerNormalization (x, W)",
    ],
)
def test_what_is_no_weight(find, node):
    assert not find(f"{HEAD} g (float[8] x) => (float y) <float[8] W> {{ {node} }}")


def test_whole_numbers_are_no_weights(find):
    assert not find(f"{HEAD} g (int64[2] i) => (int64[2] y) <int64[4] W = {{1, 2, 3, 4}}> {{ y = Gather (W, i) }}")


def test_every_float_type(find):
    text = f"{HEAD} g (float[8] x) => (float y) <KIND[8,4] W> {{ y = MatMul (x, W) }}"
    for kind in ("float", "float16", "double", "bfloat16"):
        assert find(text.replace("KIND", kind))["W"].shape == (8, 4)


def test_a_tied_weight_is_one_with_two_roles(find):
    found = find(f"""{HEAD} g (int64[2] i) => (float y) <float[50,8] E>
                     {{ a = Gather (E, i)  t = Transpose (E)  y = MatMul (a, t) }}""")
    assert list(found) == ["E"] and used(found["E"]) == [("Gather", (0,)), ("MatMul", (0,))]


def test_joined_weights_are_found_apart(find):
    found = find(f"""{HEAD} g (float[2,8] x) => (float y) <float[8,3] A, float[8,5] B>
                     {{ w = Concat <axis = 1> (A, B)  y = MatMul (x, w) }}""")
    assert {n: used(w) for n, w in found.items()} == {"A": [("MatMul", (0,))], "B": [("MatMul", (0,))]}


def test_constant_nodes(find, parse):
    text = f"{HEAD} g (float[8] x) => (float y) <float[8,4] W> {{ y = MatMul (x, W) }}"
    proto = parse(text)
    tensor = proto.graph.initializer.pop()
    proto.graph.node.insert(0, helper.make_node("Constant", [], ["W"], value=tensor))
    weight = find(proto)["W"]
    assert np.array_equal(weight.read(0, weight.size).reshape(8, 4), numpy_helper.to_array(tensor))


def test_subgraphs_hold_and_capture_weights(find):
    found = find(f"""{HEAD} g (float[2,8] x, bool c) => (float[2,4] y) <float[8,4] outer, float[8,4] unused> {{
        y = If (c) <then_branch = t () => (float[2,4] r) {{ r = MatMul (x, outer) }},
                    else_branch = e () => (float[2,4] r) <float[8,4] inner> {{ r = MatMul (x, inner) }}> }}""")
    assert list(found) == ["outer", "inner"]
    assert found["outer"].scope.parent is None and found["inner"].scope.graph.name == "e"


def test_functions_hold_weights_and_get_them_as_parameters(find):
    found = find(f"""{HEAD} g (float[2,8] x) => (float[2,2] y) <float[8,4] W> {{ y = own.f (x, W) }}
        <domain: "own", opset_import: ["" : 17, "own" : 1]> f (a, b) => (d) {{ d = own.h (a, b) }}
        <domain: "own", opset_import: ["" : 17]> h (a, b) => (d)
        {{ e = MatMul (a, b)  V = Constant <value = float[4,2] {{1,2,3,4,5,6,7,8}}> ()  d = MatMul (e, V) }}""")
    assert {n: used(w) for n, w in found.items()} == {"W": [("MatMul", (1,))], "V": [("MatMul", (1,))]}
    assert found["V"].scope.is_function and not found["W"].scope.is_function


def test_a_recursive_function_ends(find):
    assert "W" not in find(f"""{HEAD} g (float[2,8] x) => (float[2,8] y) <float[8,8] W> {{ y = own.f (x, W) }}
        <domain: "own", opset_import: ["own" : 1]> f (a, b) => (d) {{ d = own.f (a, b) }}""")


OLD = """<ir_version: IR, opset_import: ["" : 8]> g (float[2,8] x, float[8,4] W) => (float[2,4] y) <float[8,4] W = {VALUES}>
         { y = MatMul (x, W) }""".replace("VALUES", ", ".join("1" * 32))


def test_ir_3_lists_its_constants_as_inputs(find):
    assert not find(OLD.replace("IR", "3"))["W"].locked


@pytest.mark.parametrize("equation", ["btk,tk->btk", "btk,tt->btk", "btk,...k->bt", "btk,tj->btk", "btk", "btk,kt,t->b"])
def test_other_equations_have_no_weights(find, equation):
    third = ", i" * (equation.count(",") == 2)
    assert not find(f"""{HEAD} g (float[2,8,4] x, float[8] i) => (float[N] y) <float[8,4] W>
        {{ y = Einsum <equation = "{equation}"> (x, W{third}) }}""")


def test_an_input_with_a_default_is_the_callers(find):
    assert find(OLD.replace("IR", "4"))["W"].locked == OVERRIDABLE


def test_an_output_of_the_graph_stays(find):
    text = f"{HEAD} g (float[2,8] x) => (float[2,4] y, float[8,4] W) <float[8,4] W> {{ y = MatMul (x, W) }}"
    assert find(text)["W"].locked == "is an output of the graph"


def test_an_output_of_a_subgraph_stays(find):
    found = find(f"""{HEAD} g (float[8,8] x, bool c) => (float[8,8] y) <float[8,8] W> {{
        z = MatMul (x, W)
        y = If (c) <then_branch = t () => (float[8,8] r) {{ r = Identity (z) }}, else_branch = e () => (float[8,8] W) {{ }}> }}""")
    assert found["W"].locked == "is an output of the graph"


def test_an_inner_name_that_hides_an_outer_one_is_another_weight(save):
    loaded = load(
        save(f"""{HEAD} g (float[2,8] x, bool c) => (float[2,4] y) <float[8,4] W> {{
        z = MatMul (x, W)
        y = If (c) <then_branch = t () => (float[2,4] r) <float[8,4] W> {{ r = MatMul (x, W) }},
                    else_branch = e () => (float[2,4] r) {{ r = Identity (z) }}> }}""")
    )
    found = find_weights(loaded, Scopes(loaded.proto))
    assert [(w.name, w.scope.graph.name) for w in found] == [("W", "g"), ("W", "t")]


def test_another_tools_dequantized_weight_is_one(find):
    weight = find(f"""{HEAD} g (float[2,4] x) => (float[2,2] y) <int8[4,2] q = {{1, -2, 3, -4, 5, -6, 7, -8}}, float[2] s = {{0.5, 2}},
                      int8[2] z = {{0, 0}}> {{ w = DequantizeLinear <axis = 1> (q, s, z)  y = MatMul (x, w) }}""")["w"]
    assert weight.encoded and weight.dtype == onnx.TensorProto.FLOAT and weight.shape == (4, 2)
    assert weight.read(0, 8).tolist() == [0.5, -4, 1.5, -8, 2.5, -12, 3.5, -16] and weight.read(3, 2).tolist() == [-8, 2.5]


def test_stored_bytes_count_a_chain_and_not_what_is_shared(find):
    found = find(f"""{HEAD} g (float[4,4] x) => (float[4,2] y) <int8[4,2] q = {{1,2,3,4,5,6,7,8}}, float[2] s = {{0.5, 2}}>
        {{ w = DequantizeLinear <axis = 1> (q, s)  v = DequantizeLinear <axis = 1> (q, s)
           a = MatMul (x, w)  b = MatMul (x, v)  y = Add (a, b) }}""")
    node = framed(found["w"].scope.producers["w"].ByteSize())
    assert found["w"].stored_bytes() == node == found["v"].stored_bytes()


def test_an_attribute_that_a_caller_sets(find):
    found = find(f"""{HEAD} g (float[2,8] x) => (float[2,4] y) <float[8,4] W> {{ y = own.f <t = 0> (x, W) }}
        <domain: "own", opset_import: ["" : 17]> f <t> (a, b) => (d) {{ d = Gemm <transB : int = @t> (a, b) }}""")
    assert found["W"].shape == (8, 4)


def test_a_view_of_unknown_shape_is_followed_to_the_weight(find):
    found = find(f"""{HEAD} g (float[2,8] x) => (float y) <float[8,4] W>
                     {{ n = Shape (x)  v = Reshape (W, n)  y = MatMul (v, x)  z = Reshape (x, n)  u = MatMul (x, z) }}""")
    assert {n: used(w) for n, w in found.items()} == {"W": [("MatMul", (0,))]}
