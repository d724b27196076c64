"""The bias that may take up a weight's errors: found where it is one number an output and no one else's, and moved."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper, parser

from lightweight_cli.model.load import load
from lightweight_cli.model.output_folder import write_into
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.weights.search import find_weights
from lightweight_cli.weights.shift import carrier_of, move

HEAD = '<ir_version: 8, opset_import: ["" : 17]> g '
IMAGE = HEAD + "(float[2,4,5,5] x) => (float[2,6,5,5] y) "
ROW = HEAD + "(float[3,8] x) => (float[3,6] y) "


def opened(text, path):
    proto, random = parser.parse_model(text), np.random.default_rng(0)
    values = {v.name: random.random([d.dim_value for d in v.type.tensor_type.shape.dim]).astype(np.float32) for v in proto.graph.value_info}
    proto.graph.initializer.extend(numpy_helper.from_array(a, n) for n, a in values.items())
    del proto.graph.value_info[:]
    onnx.save(proto, str(path / "m.onnx"))
    model = load(str(path / "m.onnx"))
    return model, next(w for w in find_weights(model, Scopes(model.proto)) if w.name == "W")


@pytest.mark.parametrize("text", [
    IMAGE + "<float[6,4,1,1] W, float[6] B> { y = Conv (x, W, B) }",
    IMAGE + "<float[6,2,3,3] W, float[6] B> { y = Conv <group = 2, pads = [1,1,1,1]> (x, W, B) }",
    IMAGE + "<float[6,4,1,1] W, float[6,1,1] B> { a = Conv (x, W)  y = Add (B, a) }",
    IMAGE + """<float[6,4,1,1] W, float[6] s, float[6] b, float[6] m, float[6] v> {
        a = Conv (x, W)  y = BatchNormalization (a, s, b, m, v) }""",
    ROW + "<float[8,6] W, float[6] B> { y = Gemm (x, W, B) }",
    ROW + "<float[8,6] W, float[1,6] B> { a = MatMul (x, W)  y = Add (a, B) }",
    ROW + "<float[8,6] W> { B = Constant <value = float[6] {1, 2, 3, 4, 5, 6}> ()  a = MatMul (x, W)  y = Add (a, B) }"])
def test_outputs_move_by_what_is_said(text, tmp_path):
    model, weight = opened(text, tmp_path)
    by = np.arange(6, dtype=np.float64) - 2
    move(weight, by)
    after = write_into(model, str(tmp_path), "moved")
    x = {"x": np.random.default_rng(1).random((2, 4, 5, 5) if "x, W" in text and "Conv" in text else (3, 8)).astype(np.float32)}
    sessions = [onnxruntime.InferenceSession(str(p), providers=["CPUExecutionProvider"]) for p in (tmp_path / "m.onnx", after)]
    old, new = (s.run(None, x)[0] for s in sessions)
    if "BatchNorm" in text:
        arrays = {t.name: numpy_helper.to_array(t) for t in onnx.load(str(tmp_path / "m.onnx")).graph.initializer}
        by = by * arrays["s"] / np.sqrt(arrays["v"] + 1e-5)
    assert np.allclose(new - old, by.reshape(-1, *[1] * (new.ndim - 2)), atol=1e-4)


@pytest.mark.parametrize("text", [
    IMAGE + "<float[6,4,1,1] W> { a = Conv (x, W)  y = Relu (a) }",
    IMAGE + "<float[6,4,1,1] W, float[6,1,1] B> { a = Conv (x, W)  b = Add (a, B)  y = Mul (b, B) }",
    ROW + "<float[8,6] W, float[6] B> { y = Gemm <alpha = 2.0> (x, W, B) }",
    ROW + "<float[8,6] W> { B = Constant <value_floats = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]> ()  a = MatMul (x, W)  y = Add (a, B) }",
    ROW + "<float[8,6] W, float[3,6] B> { a = MatMul (x, W)  y = Add (a, B) }",
    HEAD + "(float[3,8] x) => (float[3,6] y, float[6] B) <float[8,6] W, float[6] B> { a = MatMul (x, W)  y = Add (a, B) }",
    HEAD + "(float[3,8] x) => (float[3,6] y, float[3,6] a) <float[8,6] W, float[6] B> { a = MatMul (x, W)  y = Add (a, B) }",
    HEAD + "(float[3,8] x, float[6] B) => (float[3,6] y) <float[8,6] W> { a = MatMul (x, W)  y = Add (a, B) }",
    HEAD + "(float[3,6] x) => (float[3,6] y) <float[6,6] W, float[6] B> { a = MatMul (x, W)  b = Add (a, B)  y = MatMul (b, W) }",
    HEAD + """(float[3,8] x, bool c) => (float[3,6] y) <float[8,6] W, float[6] B> { y = If (c) <
        then_branch = t () => (float[3,6] p) { q = MatMul (x, W)  p = Add (q, B) },
        else_branch = e () => (float[3,6] r) { s = MatMul (x, W)  r = Identity (s) }> }"""])
def test_a_bias_that_serves_others_stays(text, tmp_path):
    assert carrier_of(opened(text, tmp_path)[1]) is None
