"""Constants: each operator computes bit for bit what onnxruntime computes, and chains know what they own."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from lightweight_cli.model.load import load
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.weights import constant_values, constants
from lightweight_cli.weights.not_constant import NotConstant

# What makes the constant `y` from the tensors: q int8[6,4], w float[6,4], f float[24], i int64, s, z, m.
CASES = {
    "Cast": "y = Cast <to = 1> (q)",
    "Cast to half": "h = Cast <to = 10> (w)  y = Cast <to = 1> (h)",
    "Reshape": "y = Reshape (w, to)",
    "Reshape keeps a zero": "y = Reshape (w, keep)",
    "Transpose": "y = Transpose (w)",
    "Transpose by perm": "r = Reshape (f, cube)  y = Transpose <perm = [2, 0, 1]> (r)",
    "Slice": "y = Slice (w, one, four)",
    "Slice by axis": "y = Slice (w, one, three, one)",
    "Gather": "y = Gather (w, at)",
    "Gather by axis": "y = Gather <axis = 1> (w, at)",
    "Gather in a table": "k = Cast <to = 6> (u)  y = Gather (f, k)",
    "CumSum": "y = CumSum (w, zero)",
    "CumSum of whole numbers": "k = Cast <to = 6> (q)  c = CumSum (k, zero)  y = Cast <to = 1> (c)",
    "ScatterElements": "y = ScatterElements (f, at, some)",
    "ConstantOfShape": "y = ConstantOfShape <value = float[1] {2.5}> (to)",
    "ConstantOfShape without a value": "y = ConstantOfShape (to)",
    "Squeeze": "r = Unsqueeze (w, zero1)  y = Squeeze (r)",
    "Squeeze by axes": "r = Unsqueeze (w, ends)  y = Squeeze (r, zero1)",
    "Concat": "y = Concat <axis = 0> (w, w)",
    "Concat by axis": "y = Concat <axis = -1> (w, w)",
    "Where": "b = Cast <to = 9> (q)  y = Where (b, w, s)",
    "Mul": "c = Cast <to = 1> (q)  y = Mul (c, s)",
    "Mul by column": "y = Mul (w, column)",
    "Add": "y = Add (w, s)",
    "Sub": "y = Sub (w, s)",
    "Identity": "y = Identity (w)",
    "DequantizeLinear": "y = DequantizeLinear (q, one_scale)",
    "DequantizeLinear by axis": "y = DequantizeLinear (q, scales)",
    "DequantizeLinear with zeros": "y = DequantizeLinear (q, scales, zeros)",
    "DequantizeLinear by axis 0": "y = DequantizeLinear <axis = 0> (q, rows)",
    "DequantizeLinear by negative axis": "y = DequantizeLinear <axis = -2> (q, rows)",
    "DequantizeLinear of int32": "k = Cast <to = 6> (q)  y = DequantizeLinear (k, one_scale)",
    "Constant": "k = Constant <value = float[2, 2] {1, 2, 3, 4}> ()  y = Identity (k)",
}
RANDOM = np.random.default_rng(0)
TENSORS = {
    "q": RANDOM.integers(-128, 128, (6, 4)).astype("i1"),
    "w": RANDOM.normal(size=(6, 4)).astype("f4"),
    "f": RANDOM.normal(size=24).astype("f4"),
    "u": RANDOM.integers(0, 24, (3, 5)).astype("u1"),
    "s": np.float32([0.3, 1e-3, 7, -2]),
    "column": RANDOM.normal(size=(6, 1)).astype("f4"),
    "to": np.int64([2, -1, 3]),
    "keep": np.int64([0, 2, 2]),
    "cube": np.int64([2, 3, 4]),
    "one": np.int64([1]),
    "three": np.int64([3]),
    "four": np.int64([4]),
    "minus1": np.int64([-1]),
    "zero1": np.int64([0]),
    "zero": np.int64(0),
    "ends": np.int64([0, 3]),
    "at": np.int64([3, 0, 2]),
    "some": np.float32([9, 8, 7]),
    "one_scale": np.float32(0.01),
    "scales": np.float32([0.1, 0.2, 0.3, 0.4]),
    "zeros": np.int8([1, -2, 3, 127]),
    "rows": np.float32([1, 2, 3, 4, 5, 6]) / 7,
}


def chain(nodes: str, opset: int = 17) -> onnx.ModelProto:
    """Return a model whose output is the constant that `nodes` make."""
    proto = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]> g () => (float y) {{ {nodes} }}')
    proto.graph.output[0].type.tensor_type.ClearField("shape")
    used = {i for n in proto.graph.node for i in n.input}
    proto.graph.initializer.extend(onnx.numpy_helper.from_array(np.asarray(v), k) for k, v in TENSORS.items() if k in used)
    return proto


@pytest.mark.parametrize("name", CASES)
def test_what_onnxruntime_computes(name, save, execute):
    nodes = CASES[name]
    proto = chain(nodes.replace("(to)", "(cube)") if "ConstantOfShape" in nodes else nodes)
    model = load(save(proto))
    scope = Scopes(model.proto).main
    assert constants.is_constant(scope, "y")
    mine, (theirs,) = constant_values.evaluate(model, scope, "y"), execute(proto)
    assert mine.dtype == theirs.dtype and mine.shape == theirs.shape and mine.tobytes() == theirs.tobytes()


def test_blocked_dequantize(save, execute):
    proto = onnx.parser.parse_model("""<ir_version: 10, opset_import: ["" : 21]> g () => (float[6,4] y)
        <float[3,4] s = {1,2,3,4,5,6,7,8,9,10,11,12}, int8[6,4] q = {1,2,3,4,5,6,7,8,9,10,11,12,-1,-2,-3,-4,-5,-6,-7,-8,-9,0,0,1},
         int8[3,4] z = {0,1,2,3,0,1,2,3,0,1,2,3}> { y = DequantizeLinear <axis = 0, block_size = 2> (q, s, z) }""")
    model = load(save(proto))
    assert np.array_equal(constant_values.evaluate(model, Scopes(model.proto).main, "y"), execute(proto)[0])


def test_old_attribute_forms(save, execute):
    nodes = """a = Slice <starts = [1], ends = [5], axes = [0]> (w)  b = Unsqueeze <axes = [0]> (a)
               y = Squeeze <axes = [0]> (b)"""
    proto = chain(nodes, opset=9)
    model = load(save(proto))
    assert np.array_equal(constant_values.evaluate(model, Scopes(model.proto).main, "y"), execute(proto)[0])


INPUTS = """
<ir_version: 8, opset_import: ["" : 17, "other" : 1]>
g (float[2] x, float[2] D) => (float[2] y) <float[2] A = {1, 2}, float[2] D = {1, 2}>
{
  a = Mul (x, A)  d = Mul (D, A)  e = Exp (A)  o = other.Mul (A, A)  c = Add (A, A)
  s1, s2 = Split <num_outputs = 2> (A)  y = Add (a, c)
}
"""


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a", "input of the model"),
        ("d", "input of the model"),
        ("D", "input of the model"),
        ("e", "computed by Exp"),
        ("o", "computed by Mul"),
        ("nothing", "input"),
    ],
)
def test_what_is_not_constant(save, name, why):
    model = load(save(INPUTS.replace("<num_outputs = 2> ", "")))
    scope = Scopes(model.proto).main
    assert not constants.is_constant(scope, name) and constants.is_constant(scope, "c")
    with pytest.raises(NotConstant, match=why):
        constant_values.evaluate(model, scope, name)


def test_a_huge_declared_shape_is_not_computed(save):
    proto = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17]> g () => (float y)
        <int64[2] huge = {1000000, 1000000}> { y = ConstantOfShape (huge) }""")
    model = load(save(proto))
    with pytest.raises(NotConstant, match="too large"):
        constant_values.evaluate(model, Scopes(model.proto).main, "y")


OWNERS = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[4] x) => (float[4] y)
<int8[4] q = {1, 2, 3, 4}, float[1] s = {0.5}, float[4] "lwc.table" = {1, 2, 3, 4}, float[4] b = {0, 0, 0, 1}>
{ c = Cast <to = 1> (q)  m = Mul (c, s)  W = Add (m, "lwc.table")  V = Mul (b, s)  k = Add (x, W)  y = Add (k, V) }
"""


def test_a_chain_owns_what_nothing_else_uses(save):
    scope = Scopes(load(save(OWNERS)).proto).main
    assert [n for _, n in constants.chain(scope, "W")][0] == "W"
    assert {n for _, n in constants.chain(scope, "W")} == {"W", "m", "c", "q", "s", "lwc.table"}
    assert {n for _, n in constants.own(scope, "W")} == {"W", "m", "c", "q"}
    assert {n for _, n in constants.own(scope, "V")} == {"V", "b"}


def test_what_the_graph_returns_is_not_owned(save):
    proto = onnx.parser.parse_model(OWNERS.replace("(float[4] y)", "(float[4] y, float[4] c)"))
    assert {n for _, n in constants.own(Scopes(load(save(proto)).proto).main, "W")} == {"W", "m"}


def test_listed_numbers(save, execute):
    for listed in ("value_ints = [1, 2]", "value_int = 3", "value_floats = [0.5, 2.0]", "value_float = 1.5"):
        proto = chain(f"y = Constant <{listed}> ()")
        kind = 1 if "float" in listed else 7
        proto.graph.output[0].type.tensor_type.elem_type = kind
        model = load(save(proto))
        mine, (theirs,) = constant_values.evaluate(model, Scopes(model.proto).main, "y"), execute(proto)
        assert mine.dtype == theirs.dtype and mine.shape == theirs.shape and np.array_equal(mine, theirs)


def test_attributes_that_a_caller_sets_are_unknown(save):
    proto = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17, "own" : 1]>
        g (float[2,2] x) => (float[2,2] y) { y = own.f <to = 1, v = float {1}> (x) }
        <domain: "own", opset_import: ["" : 17]> f <to, v> (x) => (y)
        { q = Constant <value = int8[2,2] {1, 2, 3, 4}> ()  c = Cast <to : int = @to> (q)
          k = Constant <value : tensor = @v> ()  m = Mul (x, c)  y = Add (m, k) }""")
    model = load(save(proto))
    scope = Scopes(model.proto).functions["own", "f"]
    assert not constants.is_constant(scope, "c") and not constants.is_constant(scope, "k")
    with pytest.raises(NotConstant):
        constant_values.evaluate(model, scope, "c")
