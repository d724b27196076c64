"""What `lwc inspect` offers: only what a pass would really save."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import ModelProto, numpy_helper

from lightweight_cli.inspect import report_dict, savings
from lightweight_cli.inspect.formatting import Style
from lightweight_cli.inspect.table import render
from lightweight_cli.passes.quantize.weights import FEW, KEEP
from lightweight_cli.weights.operator_inputs import WEIGHT_INPUTS
from lightweight_cli.weights.roles import ROLES

Save = Callable[..., str]
HEAD = '<ir_version: 8, opset_import: ["" : 17]>'
SIZE = 64 * 512
"""Weights in the models below."""


def offered(path: str) -> dict[str, int]:
    """Return the steps that would save something, and how much."""
    return {s["pass"]: s["bytes"] for s in report_dict(path)["savings"] if s["bytes"]}


def test_the_lists_are_those_of_the_passes() -> None:
    assert {(op, i) for op, inputs in WEIGHT_INPUTS.items() for i in inputs} == set(ROLES)
    assert {8: savings.KEPT_8} == KEEP and savings.FEW_4 == FEW


def test_what_exporters_note_is_strips(save: Save, parse: Callable[..., ModelProto], apply: Callable) -> None:
    proto = parse(HEAD + "g (float[2,64] x) => (float[2,512] y) <float[64,512] W> { h = MatMul (x, W)  y = Relu (h) }")
    shape = proto.graph.value_info.add(name="h")
    for owner in (proto.graph, *proto.graph.node, proto.graph.input[0], shape):
        owner.metadata_props.add(key="pkg.torch.onnx.stack_trace", value="File model.py, line 1\n" * 10)
        owner.doc_string = "from torch"
    proto.metadata_props.add(key="names", value="cat, dog" * 100)
    path = save(proto)
    (strip,) = [s for s in report_dict(path)["savings"] if s["pass"] == "strip"]
    assert strip["how"] == "notes 1.3 KB"
    stripped = apply(path, "strip").path
    result = onnx.load(stripped)
    provenance = sum(p.ByteSize() + 3 for p in result.metadata_props if p.key.startswith("lwc."))
    saved = proto.ByteSize() - result.ByteSize() + provenance
    assert 0 <= saved - strip["bytes"] < 80, "tags and lengths"
    assert "strip" not in offered(stripped)


def test_weights_that_nodes_compute_are_offered_with_fold_first(save: Save) -> None:
    path = save(HEAD + """g (float[2,64] x) => (float[2,512] y) <float[64,512] v, float[1,512] g>
        { n = ReduceL2 <axes = [0]> (v)  d = Div (v, n)  w = Mul (d, g)  y = MatMul (x, w) }""")
    assert offered(path) == {"run -p fold -p quantize": int(4 * SIZE + 4 * 512 - 8.25 / 8 * SIZE)}
    assert report_dict(path)["parameters"] == SIZE and report_dict(path)["tensors"][0]["shape"] == [64, 512]


def test_fake_quantized_weights_are_offered_to_fold_which_saves_it(save: Save, parse: Callable[..., ModelProto], apply: Callable) -> None:
    path = save(HEAD + """g (float[2,64] x) => (float[2,512] y) <float[64,512] w, float s = {0.01}, int8 z = {0}>
        { q = QuantizeLinear (w, s, z)  d = DequantizeLinear (q, s, z)  y = MatMul (x, d) }""")
    assert list(offered(path)) == ["fold"] and abs(offered(path)["fold"] - 3 * SIZE) < 10
    outcome = apply(path, "fold")
    assert abs(os.path.getsize(path) - len(outcome.data) - offered(path)["fold"]) < 300


def test_what_callers_may_override_is_offered_with_strip_first(save: Save, apply: Callable) -> None:
    proto = onnx.parser.parse_model(HEAD + """g (float[2,64] x, float[64,512] W) => (float[2,512] y) { y = MatMul (x, W) }""")
    weight = np.random.default_rng(0).normal(size=(64, 512)).astype(np.float32)
    proto.graph.initializer.append(numpy_helper.from_array(weight, "W"))
    expected = int(4 * SIZE - 8.25 / 8 * SIZE)
    assert offered(save(proto)) == {"run -p strip:freeze_inputs=true -p quantize": expected}
    proto.ir_version = 3  # where every initializer is listed, and none may be overridden
    assert offered(save(proto))["quantize --bits 8"] == expected


def test_rearranged_weights_count_as_what_they_are(save: Save, apply: Callable) -> None:
    path = save(HEAD + """g (float[7,1,64] x) => (float[7,1,1,32] y) <float[128,64] i, float[128,32] r>
        { s, t = Split (i)  c = Concat <axis = 0> (t, s)  n = Constant <value_ints = [0]> ()
          w = Unsqueeze (c, n)  v = Unsqueeze (r, n)  y = LSTM <hidden_size = 32> (x, w, v) }""")
    sizes = 128 * 64 + 128 * 32
    axes = 8  # the Constant node's number goes with the weight
    assert offered(path)["quantize --bits 8"] == int(sizes * (4 - 8.25 / 8)) + axes
    assert offered(path)["half"] == 2 * sizes + axes / 2
    assert apply(path, "quantize").report.changed == 2


def test_weights_in_8_bits_are_offered_to_4_bits_only(save: Save, apply: Callable) -> None:
    path = save(HEAD + """g (float[2,64] x) => (float[2,512] y) <float[64,512] W, float[512,4] small>
        { h = MatMul (x, W)  k = MatMul (h, small)  y = Relu (h) }""")
    once = apply(path, "quantize:keep=0.2", "strip").path
    found = offered(once)
    assert list(found) == ["quantize --bits 4"]
    twice = apply(once, "quantize:bits=4")
    assert abs(os.path.getsize(once) - len(twice.data) - found["quantize --bits 4"]) < 1500


@pytest.mark.parametrize(("opset", "node", "dims"), [
    (13, "ReduceL2 <axes = [1, -1]> (w)", [4, 1, 1]), (13, "ReduceL2 <axes = [0], keepdims = 0> (w)", [5, 6]),
    (18, "ReduceL2 (w, axes)", [1, 5, 6]), (18, "ReduceMax (w)", [1, 1, 1])])
def test_shapes_after_reductions(save: Save, opset: int, node: str, dims: list[int]) -> None:
    path = save(HEAD.replace("17", str(opset)) + f"""g (float[4,5,6] x) => (float[N,M,K] y)
        <float[4,5,6] w, int64[1] axes = {{0}}> {{ n = {node}  y = MatMul (x, n) }}""")
    assert [t["shape"] for t in report_dict(path)["tensors"] if t["name"] == "n"] == [dims]


def test_encodings_are_listed_only_where_they_tell_more_than_types(save: Save, apply: Callable) -> None:
    path = save(HEAD + "g (float[2,64] x) => (float[2,512] y) <float[64,512] W> { y = MatMul (x, W) }")
    plain, coded = (render(report_dict(p), 80, Style(False)) for p in (path, apply(path, "quantize").path))
    assert "BY TYPE" in plain and "BY ENCODING" not in plain and "BY ENCODING" in coded
