"""Functions that call functions: counted without unrolling them."""

from __future__ import annotations

import math

from onnx import parser

from lightweight_cli.structure import expansion


def test_nested_calls_are_multiplied_and_recursion_has_no_end():
    text = '<ir_version: 10, opset_import: ["" : 18, "own" : 1]> g (float[2] x) => (float[2] y) { y = own.f9 (x) }'
    for i in range(10):
        inner = "Abs" if i == 0 else f"own.f{i - 1}"
        text += f'<opset_import: ["" : 18, "own" : 1], domain: "own"> f{i} (x) => (y) {{ a = {inner} (x)  y = {inner} (a) }}'
    model = parser.parse_model(text)
    assert expansion.nodes(model) == 2**10
    model.functions[0].node[0].op_type, model.functions[0].node[0].domain = "f9", "own"
    assert expansion.nodes(model) == math.inf
