"""Every stored tensor of 1 KB or more that a weight pass leaves has a row, with a true reason."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lightweight_cli.report.groups import contents
from lightweight_cli.weights.search import OVERRIDABLE

HEAD = '<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1, "ai.onnx.ml" : 3, "own" : 1]>'
NORM = HEAD + """g (float[1,48,9] x) => (float[1,40,9] y) <float[40,48,3] v, float[40,1,1] g, float[40] b>
{ n = ReduceL2 <axes = [1, 2]> (v)  d = Div (v, n)  w = Mul (d, g)  y = Conv <pads = [1, 1]> (x, w, b) }"""


def left_by(step: str, path: str) -> dict[str, str]:
    """Return what a step, not run any further, leaves alone."""
    from lightweight_cli.model.load import load
    from lightweight_cli.pipeline import recipe
    from lightweight_cli.pipeline.run import run_steps

    (report,) = run_steps(load(path), [recipe.parse(step)])
    assert [r.bytes for r in report.left] == sorted((r.bytes for r in report.left), reverse=True)
    return {r.name: f"{r.op}: {r.reason}" for r in report.left}


@pytest.mark.parametrize("step", ["quantize", "share", "prune:sparsity=0.5"])
def test_weights_that_nodes_compute_want_fold_first(save, step):
    assert left_by(step, save(NORM)) == {
        "v": "Conv: is computed by nodes, run fold first: ReduceL2, Div, Mul before Conv"}


def test_after_fold_they_are_weights(apply, save):
    outcome = apply(save(NORM), "fold", "quantize:bits=8")
    assert outcome.report.changed == 1 and not outcome.report.left
    (was,), (now,) = outcome.outputs()
    assert np.abs(was - now).max() < 0.02 * np.abs(was).max()


def test_fake_quantized_weights_want_fold_first(save, parse):
    proto = parse(HEAD + """g (float[1,16,8,8] x) => (float[1,32,6,6] y) <float[32,16,3,3] w, float s = {0.01}, int8 z = {0}>
        { q = QuantizeLinear (w, s, z)  d = DequantizeLinear (q, s, z)  y = Conv (x, d) }""")
    for step in ("quantize", "pack", "half"):
        assert left_by(step, save(proto)) == {
            "w": "Conv: is computed by nodes, run fold first: QuantizeLinear, DequantizeLinear before Conv"}


def test_what_is_no_weight_is_named_and_half_takes_it(apply, save):
    path = save(HEAD + """g (float[2,64] x) => (float[2,512] y) <float[64,512] W, float[512] B>
        { h = MatMul (x, W)  y = Add (h, B) }""")
    assert left_by("quantize", path) == {"B": "Add: is no weight, half and pack take it: input 1 of Add"}
    assert "B" in apply(path, "half").encodings


def test_in_branches_and_functions(save, parse):
    proto = parse(HEAD + """g (bool c, float[2,512] x) => (float[2,512] y) {
        y = If (c) < then_branch = t () => (float[2,512] a) <float[512] B> { a = Add (x, B) },
                     else_branch = e () => (float[2,512] b) { b = own.f (x) }> }
        <domain: "own", opset_import: ["" : 17]>
        f (p) => (q) { q = Mul (p, K) }""")
    constant = helper.make_node("Constant", [], ["K"], value=numpy_helper.from_array(np.ones(512, np.float32)))
    proto.functions[0].node.insert(0, constant)
    assert left_by("quantize", save(proto)) == {
        "B": "Add: is no weight, half and pack take it: input 1 of Add",
        "K": "Mul: is no weight, half and pack take it: input 1 of Mul"}


def test_integers_that_the_runtime_computes_on(save, parse):
    proto = parse(HEAD + """g (uint8[2,64] x, int32[3] i) => (int32[2,64] y, uint8[3,64] e, int64[3,4] j)
        <uint8[64,64] W, uint8[30,64] rows, int64[150,4] numbers>
        { y = MatMulInteger (x, W)  e = Gather (rows, i)  j = Gather (numbers, i) }""")
    assert left_by("quantize", save(proto)) == {
        "W": "MatMulInteger: is stored in 8-bit integers that the runtime computes on: MatMulInteger",
        "rows": "Gather: is stored in 8-bit integers already: input 0 of Gather",
        "numbers": "Gather: holds whole numbers: int64, input 0 of Gather"}


def test_operators_that_are_not_known(save):
    path = save(HEAD + """g (float[2,4,512] x) => (float[2,4,512] y) <float[512] gamma>
        { y = com.microsoft.SkipSimplifiedLayerNormalization (x, x, gamma) }""")
    for step in ("quantize", "half"):
        assert left_by(step, path) == {"gamma": "SkipSimplifiedLayerNormalization: is read by an operator of which no weights are "
                                                "known: input 2 of com.microsoft.SkipSimplifiedLayerNormalization"}


def test_outputs_unused_and_defaults(save, parse):
    proto = parse(HEAD + """g (float[2,300] x, float[300,300] W) => (float[2,300] y, float[300] out)
        <float[300] out, float[300] unused> { y = MatMul (x, W) }""")
    proto.graph.initializer.append(numpy_helper.from_array(np.ones((300, 300), np.float32), "W"))
    assert left_by("quantize", save(proto)) == {
        "W": "MatMul: " + OVERRIDABLE,
        "out": "output: is an output of the graph",
        "unused": "unused: is used by nothing: strip removes it"}


def test_in_places_that_passes_do_not_reach(save, parse):
    proto = parse(HEAD + """g (float[2,300] x) => (float[2,300] y) { a = Add (x, S)  y = own.f (a) }
        <domain: "own", opset_import: ["" : 17]>
        f <k: float = 1.0> (p) => (q) { q = Identity (p) }""")
    values = numpy_helper.from_array(np.ones(300, np.float32), "S")
    indices = numpy_helper.from_array(np.arange(300), "at")
    proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [300]))
    proto.functions[0].attribute_proto[0].CopyFrom(helper.make_attribute("k", np.ones(500).tolist()))
    training = proto.training_info.add().algorithm
    training.initializer.append(numpy_helper.from_array(np.ones(400, np.float32), "rate"))
    outside = training.initializer.add(name="elsewhere", dims=[500], data_type=1, data_location=1)
    outside.external_data.add(key="location", value="training.bin")
    assert left_by("quantize", save(proto)) == {
        "S": "sparse tensor: is stored as a sparse tensor, which passes leave",
        "f.k": "function: is the default of a function's attribute, which passes leave",
        "rate": "training: belongs to the model's training information, which passes leave"}


def forest() -> onnx.ModelProto:
    """Trees with 1,000 nodes: their values are lists in attributes."""
    n = 1000
    node = helper.make_node(
        "TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", n_targets=1, post_transform="NONE",
        nodes_treeids=list(range(n)), nodes_nodeids=[0] * n, nodes_featureids=[0] * n, nodes_modes=["LEAF"] * n,
        nodes_values=np.arange(n, dtype=float).tolist(), nodes_truenodeids=[0] * n, nodes_falsenodeids=[0] * n,
        target_treeids=list(range(n)), target_nodeids=[0] * n, target_ids=[0] * n,
        target_weights=np.arange(n, dtype=float).tolist())
    io = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in "xy"]
    graph = helper.make_graph([node], "g", io[:1], io[1:])
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)])


def test_trees_and_every_byte_accounted_for(apply, save):
    path = save(forest())
    left = left_by("quantize", path)
    assert left["y.nodes_values"] == left["y.target_weights"] == \
        "TreeEnsembleRegressor: is an attribute, which passes leave: TreeEnsembleRegressor"
    outcome = apply(path, "quantize")
    size = len(outcome.data)
    parts = dict(contents(outcome.reports, size))
    assert sum(parts.values()) == size and parts["graph and all else"] < 1024
