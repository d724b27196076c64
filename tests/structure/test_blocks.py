"""Residual blocks: which are found, and that leaving one out is exactly zeros in its last layer."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from passes.layer_models import output

from lightweight_cli.model.load import load
from lightweight_cli.model.output_folder import write_into
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.structure.blocks import blocks_of, leave_out
from lightweight_cli.structure.tracing import traced

HEAD = '<ir_version: 8, opset_import: ["" : 17]>'
FFN = f"""{HEAD} g (float[N,8] x) => (float[N,8] y) <float[8,8] A, float[8,16] B, float[16] b, float[16,8] C, float[8] c, float[8,8] D> {{
    p = MatMul (x, A)  h = MatMul (p, B)  i = Add (h, b)  r = Relu (i)
    o = MatMul (r, C)  q = Add (o, c)  s = Add (p, q)  y = MatMul (s, D) }}"""
FOUND = {
    "ffn": (FFN, ["s"], {"B", "b", "C", "c"}),
    "first operand": (FFN.replace("Add (p, q)", "Add (q, p)"), ["s"], {"B", "b", "C", "c"}),
    "conv": (f"""{HEAD} g (float[N,4,5,5] x) => (float[N,4,5,5] y)
        <float[4,4,3,3] A, float[4,4,3,3] B, float[4] b, float[4] m, float[4] v, float[4] w = {{1,1,1,1}}> {{
        a = Conv <pads = [1,1,1,1]> (x, A)  r = Relu (a)  c = Conv <pads = [1,1,1,1]> (r, B)  n = BatchNormalization (c, v, b, m, w)
        s = Add (n, a)  y = Relu (s) }}""", ["s"], {"B", "b", "m", "v", "w"}),
    "nested": (f"""{HEAD} g (float[N,8] x) => (float[N,8] y) <float[8,8] A, float[8,8] B, float[8,8] C> {{
        p = Relu (x)  a = MatMul (p, A)  e = MatMul (a, B)  f = Add (a, e)  o = MatMul (f, C)  s = Add (p, o)  y = Tanh (s) }}""",
               ["f", "s"], {"A", "B", "C"}),
}
NONE = {
    "read elsewhere": FFN.replace("y = MatMul (s, D)", "d = MatMul (s, D)  y = Mul (d, q)"),
    "an output": FFN.replace("=> (float[N,8] y)", "=> (float[N,8] y, float[N,8] q)"),
    "never 0": FFN.replace("q = Add (o, c)", "t = Add (o, c)  q = Sigmoid (t)"),
    "of another shape": f"""{HEAD} g (float[N,8] x) => (float[N,8] y) <float[8,1] A> {{ q = MatMul (x, A)  y = Add (x, q) }}""",
    "of another input": f"""{HEAD} g (float[N,8] x, float[N,8] z) => (float[N,8] y) <float[8,8] A>
        {{ q = MatMul (z, A)  y = Add (x, q) }}""",
    "shared bias": FFN.replace("y = MatMul (s, D)", "d = MatMul (s, D)  y = Add (d, c)"),
}


@pytest.mark.parametrize("name", FOUND)
def test_without_a_block_is_with_zeros_in_its_last_layer(name, parse, save, tmp_path):
    text, adds, constants = FOUND[name]
    model = load(save(parse(text)))
    trace = traced(model, Scopes(model.proto))
    blocks = blocks_of(trace)
    assert [b.add.output[0] for b in blocks] == adds
    block = blocks[-1]
    zeroed = onnx.load(write_into(model, str(tmp_path), "whole"))
    weight = next(layer.weight for layer in trace.layers if layer.node is block.last)
    for tensor in zeroed.graph.initializer:
        if tensor.name in (weight, *block.offsets):
            tensor.CopyFrom(numpy_helper.from_array(np.zeros(tensor.dims, np.float32), tensor.name))
    onnx.save(zeroed, tmp_path / "zeroed.onnx")
    leave_out(trace, block)
    path = write_into(model, str(tmp_path), "without")
    shape = [d.dim_value or 3 for d in zeroed.graph.input[0].type.tensor_type.shape.dim]
    feed = {"x": np.random.default_rng(0).standard_normal(shape, np.float32)}
    assert np.allclose(output(path, feed), output(str(tmp_path / "zeroed.onnx"), feed), rtol=1e-5, atol=1e-6)
    left = {t.name for t in onnx.load(path).graph.initializer}
    gone = {t.name for t in zeroed.graph.initializer} - left
    assert gone == constants


@pytest.mark.parametrize("why", NONE)
def test_what_is_no_block(why, parse, save):
    model = load(save(parse(NONE[why])))
    assert blocks_of(traced(model, Scopes(model.proto))) == []
