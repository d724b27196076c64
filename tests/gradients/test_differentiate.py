"""What comes out as a whole: inputs, outputs, sums over several ways, zeros, branches, and one line for what can't be done."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import ModelProto, TensorProto, numpy_helper

from lightweight_cli.errors import UsageError
from lightweight_cli.gradients import differentiate, gradient_name, prepared, uncovered

HEAD = '<ir_version: {ir}, opset_import: ["" : {opset}]> g (float[N,2] x) => ({outputs}) '


def run(model: ModelProto, **feeds: object) -> dict[str, np.ndarray]:
    """Return the outputs of a model by name."""
    onnx.checker.check_model(model, full_check=True)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, {k: np.asarray(v, np.float32) for k, v in feeds.items()}), strict=True))


def gradients(text: str, wrt: list[str], outputs: str = "float[N,2] y", **feeds: object) -> dict[str, np.ndarray]:
    """Return what the differentiated model gives, gradients by the names of their weights."""
    proto = onnx.parser.parse_model(HEAD.format(ir=8, opset=18, outputs=outputs) + text)
    weights = {t.name: numpy_helper.to_array(t) for t in prepared(proto).graph.initializer if t.name in wrt}
    found = run(differentiate(proto, "loss", wrt), **{"x": [[1, 2], [3, 4], [5, 6]], **weights, **feeds})
    return {next((w for w in wrt if gradient_name(w) == k), k): v for k, v in found.items()}


SUM = "loss = ReduceSum <keepdims = 0> (y) }"


def test_inputs_and_outputs() -> None:
    text = f"<float[2] W = {{3, 4}}> {{ y = Mul (x, W) {SUM}"
    proto = onnx.parser.parse_model(HEAD.format(ir=8, opset=18, outputs="float[N,2] y") + text)
    model = differentiate(proto, "loss", ["W"])
    shapes = {v.name: [d.dim_value or d.dim_param for d in v.type.tensor_type.shape.dim] for v in model.graph.input}
    assert shapes == {"x": ["N", 2], "W": [2]}
    assert [v.name for v in model.graph.output] == ["loss", "y", "gradient(W)"]
    assert [t.name for t in proto.graph.initializer] == ["W"], "the model itself stays as it is"
    assert all(not n.domain for n in model.graph.node)
    again = differentiate(proto, "loss", ["W"])
    assert model.SerializeToString(deterministic=True) == again.SerializeToString(deterministic=True)


def test_any_number_of_examples() -> None:
    for rows in ([[1, 2]], [[1, 2], [3, 4]]):
        found = gradients(f"<float[2] W = {{3, 4}}> {{ y = Mul (x, W) {SUM}", ["W"], x=rows)
        assert found["W"].tolist() == np.sum(rows, 0).tolist()


def test_sizes_of_minus_one_are_open() -> None:
    text = f"<float[2] W = {{3, 4}}> {{ m = Mul (x, W) y = ReduceMean (m) {SUM}"
    proto = onnx.parser.parse_model(HEAD.format(ir=8, opset=18, outputs="float[1,1] y") + text)
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value = -1
    model = differentiate(proto, "loss", ["W"])
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    feeds = {"x": np.array([[1, 2], [3, 4]], np.float32), "W": np.array([3, 4], np.float32)}
    assert session.run(["gradient(W)"], feeds)[0].tolist() == [1, 1.5]


def test_outputs_that_are_not_as_declared() -> None:
    found = gradients(f"<float[2] W = {{3, 4}}> {{ y = Mul (x, W) s = Mul (y, y) {SUM.replace('(y)', '(s)')}", ["W"], "float[1,2] y")
    assert found["W"].tolist() == [2 * 3 * 35, 2 * 4 * 56]


def test_a_weight_used_twice_sums() -> None:
    found = gradients(f"<float[2] W = {{3, 4}}> {{ a = Mul (x, W) b = Add (a, W) y = Add (b, W) {SUM}", ["W"])
    assert found["W"].tolist() == [9 + 6, 12 + 6]


def test_a_value_used_by_two_and_an_output() -> None:
    text = f"<float[2] W = {{3, 4}}> {{ a = Mul (x, W) b = Mul (a, a) c = Neg (a) y = Add (b, c) {SUM}"
    found = gradients(text, ["W"], "float[N,2] y, float[N,2] a")
    assert found["W"].tolist() == [2 * 3 * 35 - 9, 2 * 4 * 56 - 12]
    assert found["a"].tolist() == [[3, 8], [9, 16], [15, 24]]


def test_a_weight_that_is_an_output() -> None:
    text = f"<float[2] W = {{3, 4}}> {{ y = Mul (x, W) {SUM}"
    proto = onnx.parser.parse_model(HEAD.format(ir=8, opset=18, outputs="float[N,2] y, float[2] W") + text)
    found = run(differentiate(proto, "loss", ["W"]), x=[[1, 2]], W=[3, 4])
    assert found["W"].tolist() == [3, 4] and found["gradient(W)"].tolist() == [1, 2]


def test_no_way_to_the_loss_is_zero() -> None:
    text = f"<float[2] W = {{3, 4}}, float[2,1] V = {{1, 1}}> {{ y = Mul (x, W) z = MatMul (x, V) f = Floor (V) g = MatMul (y, f) {SUM}"
    found = gradients(text, ["W", "V"])
    assert found["V"].tolist() == [[0], [0]]


def test_constants_wherever_they_are() -> None:
    """A Constant node, the initializer of an old model that is an input too, and an empty weight."""
    assert gradients(f"{{ W = Constant <value = float[2] {{3, 4}}> () y = Mul (x, W) {SUM}", ["W"])["W"].tolist() == [9, 12]
    text = f"<float[2] W = {{3, 4}}> {{ y = Mul (x, W) {SUM}"
    proto = onnx.parser.parse_model(HEAD.format(ir=3, opset=8, outputs="float[N,2] y") + text)
    proto.graph.input.append(onnx.helper.make_tensor_value_info("W", TensorProto.FLOAT, [2]))
    assert run(differentiate(proto, "loss", ["W"]), x=[[1, 2]], W=[3, 4])["gradient(W)"].tolist() == [1, 2]
    text = f"<float[0,2] W = {{}}, float[2] V = {{1, 2}}> {{ a = Mul (x, V) y = Concat <axis = 0> (a, W) {SUM}"
    found = gradients(text, ["W", "V"])
    assert found["W"].shape == (0, 2) and found["V"].tolist() == [9, 12]


def test_weights_in_branches() -> None:
    """The branch that was taken gives gradients, of weights within it and of values around it."""
    text = f"""<float[2] V = {{1, 1}}, float zero = {{0}}> {{ s = ReduceSum <keepdims = 0> (x) c = Greater (s, zero) h = Mul (x, V)
        y = If (c) <then_branch = yes () => (float[N,2] u) {{ W = Constant <value = float[2] {{3, 4}}> () u = Mul (h, W) }},
                    else_branch = no () => (float[N,2] v) {{ U = Constant <value = float[2] {{5, 6}}> () p = Mul (h, U) v = Mul (p, U) }}>
        {SUM}"""
    found = gradients(text, ["W", "U", "V"], x=[[1, 2]])
    assert [found[k].tolist() for k in "WUV"] == [[1, 2], [0, 0], [3, 8]]
    found = gradients(text, ["W", "U", "V"], x=[[-1, -2]])
    assert [found[k].tolist() for k in "WUV"] == [[0, 0], [-10, -24], [-25, -72]]


def test_a_branch_that_returns_a_weight() -> None:
    text = f"""<float zero = {{0}}> {{ s = ReduceSum <keepdims = 0> (x) c = Greater (s, zero)
        w = If (c) <then_branch = yes () => (float[2] W) {{ W = Constant <value = float[2] {{3, 4}}> () }},
                    else_branch = no () => (float[2] U) {{ U = Constant <value = float[2] {{5, 6}}> () }}>
        y = Mul (x, w) {SUM}"""
    found = gradients(text, ["W", "U"])
    assert [found[k].tolist() for k in "WU"] == [[9, 12], [0, 0]]


def test_function_bodies() -> None:
    proto = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 18, "own" : 1]> g (float[N,2] x) => (float[N,2] y)
        <float[2] W = {3, 4}> { y = own.twice (x, W) loss = ReduceSum <keepdims = 0> (y) }
        <domain: "own", opset_import: ["" : 18]> twice (a, b) => (c) { d = Mul (a, b) c = Mul (d, b) }""")
    assert run(differentiate(proto, "loss", ["W"]), x=[[1, 2]], W=[3, 4])["gradient(W)"].tolist() == [6, 16]


def test_weights_of_16_bits_are_read_in_32() -> None:
    text = f"""<float16[2] W = {{3, 4}}> {{ h = Cast <to = 10> (x) m = Mul (h, W) y = Cast <to = 1> (m) {SUM}"""
    found = gradients(text, ["W"], W=[3, 4])
    assert found["W"].dtype == np.float32 and found["W"].tolist() == [9, 12]


def test_what_is_picked_in_16_bits_adds_up() -> None:
    text = f"""<float16[3,2] W = {{1, 2, 3, 4, 5, 6}}, int64[4] at = {{0, 2, 0, 0}}>
        {{ p = Gather (W, at) m = Cast <to = 1> (p) y = ReduceSum (m) {SUM}"""
    found = gradients(text, ["W"], "float[1,1] y", W=np.ones((3, 2)))
    assert found["W"].tolist() == [[3, 3], [0, 0], [1, 1]]


def test_what_can_not_be_done_is_one_line() -> None:
    text = f"<float[2,2] W = {{1, 2, 3, 4}}> {{ a = MatMul (x, W) [odd] b = Det (W) d = Hardmax (a) e = Mul (a, b) y = Add (e, d) {SUM}"
    proto = onnx.parser.parse_model(HEAD.format(ir=8, opset=18, outputs="float[N,2] y") + text.replace("[odd] ", ""))
    proto.graph.node[1].name = "odd"
    assert [(u.node, u.op_type) for u in uncovered(proto, "loss", ["W"])] == [("odd", "Det")]
    with pytest.raises(UsageError, match=r"^no gradient through Det odd: there is no rule for this operator$"):
        differentiate(proto, "loss", ["W"])
    with pytest.raises(UsageError, match="a is no float constant of the main graph"):
        differentiate(proto, "loss", ["a"])
    with pytest.raises(UsageError, match="opset 7 or later, not of 6"):
        proto.opset_import[0].version = 6
        uncovered(proto, "loss", ["W"])
