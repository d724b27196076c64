"""What a compressed graph says beside its numbers: short names, no shapes that can be inferred, and the same interface and outputs."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, shape_inference

from lightweight_cli.passes.compress import terse

HEAD = '<ir_version: 8, opset_import: ["" : 17]>'
BRANCHES = HEAD + """
g (float[n,3] image, bool choice) => (float[n,3] result) <float[3] first_constant = {1, 2, 3}, float[3] second_constant = {4, 5, 6}>
{ inner_value = Add (image, first_constant)  inner_value_2 = Mul (inner_value, second_constant)
  branch_value = If (choice) <then_branch = th () => (float[n,3] taken_value) { taken_value = Sub (inner_value_2, first_constant) },
                              else_branch = el () => (float[n,3] other_value)
                              { within = Neg (inner_value)  other_value = Add (within, inner_value_2) }>
  result = Relu (branch_value) }
"""


def test_names_are_short_in_all_graphs_and_the_interface_keeps_its_own() -> None:
    model = shape_inference.infer_shapes(onnx.parser.parse_model(BRANCHES))
    for node in model.graph.node:
        node.name = f"node of {node.output[0]}"
    feeds = [{"image": np.arange(-3, 3, dtype=np.float32).reshape(2, 3), "choice": np.array(c)} for c in (True, False)]
    before, size = [run(model, f) for f in feeds], model.ByteSize()
    assert len(model.graph.value_info) and terse.saved(model) > 100 and model.ByteSize() == size
    terse.shorten(model)
    onnx.checker.check_model(model, full_check=True)
    assert all(np.array_equal(a, b) for a, b in zip(before, [run(model, f) for f in feeds], strict=True))
    fixed = {"image", "choice", "result"}
    inner = {n for node in model.graph.node for n in (*node.input, *node.output)} - fixed
    assert inner and max(map(len, inner)) == 1 and not any(node.name for node in model.graph.node) and not model.graph.value_info
    assert [v.name for v in (*model.graph.input, *model.graph.output)] == ["image", "choice", "result"]


def test_what_encodings_made_keeps_its_names_and_a_shape_that_is_not_inferred_stays() -> None:
    text = "g (float[n] x) => (float[n] y) { inner = Abs (x)  shared = Neg (inner)  long_name = Exp (shared)  y = Abs (long_name) }"
    model = onnx.parser.parse_model(HEAD + text)
    for node in model.graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                names[i] = {"inner": "~a", "shared": ".d3"}.get(name, name)
    model.graph.value_info.append(helper.make_tensor_value_info("long_name", onnx.TensorProto.FLOAT, [7]))
    terse.shorten(model)
    assert [n.output[0] for n in model.graph.node] == ["~a", ".d3", "a", "y"]
    assert [(v.name, v.type.tensor_type.shape.dim[0].dim_value) for v in model.graph.value_info] == [("a", 7)]


def test_attributes_that_go_without_saying_go() -> None:
    nodes = [
        helper.make_node("Conv", ["x", "W"], ["a"], group=1, auto_pad="NOTSET", dilations=[1, 1], strides=[1, 1], pads=[0, 0, 0, 0],
                         kernel_shape=[1, 1]),
        helper.make_node("Conv", ["a", "W"], ["b"], pads=[0, 0, 0, 1], strides=[1, 2], dilations=[1, 1]),
        helper.make_node("Softmax", ["b"], ["c"], axis=-1),
        helper.make_node("Softmax", ["c"], ["d"], axis=1),
        helper.make_node("LeakyRelu", ["d"], ["e"], alpha=0.01),
        helper.make_node("Cast", ["e"], ["y"], to=1),
    ]
    ports = [helper.make_tensor_value_info(n, 1, [1, 2, 3, 4] if n == "x" else [None] * 4) for n in "xy"]
    weight = onnx.numpy_helper.from_array(np.arange(4, dtype=np.float32).reshape(2, 2, 1, 1) - 2, "W")
    model = helper.make_model(helper.make_graph(nodes, "g", ports[:1], ports[1:], [weight]), ir_version=8,
                              opset_imports=[helper.make_opsetid("", 17)])
    feed = {"x": np.linspace(-1, 1, 24, dtype=np.float32).reshape(1, 2, 3, 4)}
    before = run(model, feed)
    terse.shorten(model)
    onnx.checker.check_model(model, full_check=True)
    assert np.array_equal(before, run(model, feed))
    left = [{a.name for a in n.attribute} for n in model.graph.node]
    assert left == [{"kernel_shape"}, {"pads", "strides"}, set(), {"axis"}, set(), {"to"}]
    old = onnx.ModelProto()
    old.CopyFrom(model)
    old.opset_import[0].version = 9  # there no operator says what its strides are without a word, and an axis of -1 is none
    del old.graph.node[:]
    old.graph.node.extend(nodes[:3])
    terse.shorten(old)
    assert [{a.name for a in n.attribute} for n in old.graph.node] == [
        {"dilations", "strides", "pads", "kernel_shape"}, {"pads", "strides", "dilations"}, {"axis"}]


def run(model: onnx.ModelProto, feed: dict[str, np.ndarray]) -> np.ndarray:
    return ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, feed)[0]


def test_small_integers_take_a_byte_each() -> None:
    text = "g (float[2,6] x) => (float[3,4] y) <int64[2] shape = {3, 4}, int64[1] all = {-1}, int32 axis = {1}> "
    model = onnx.parser.parse_model(HEAD + text + "{ a = CumSum (x, axis)  b = Reshape (a, all)  y = Reshape (b, shape) }")
    for tensor in model.graph.initializer:
        tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor), tensor.name))
    feed = {"x": np.arange(12, dtype=np.float32).reshape(2, 6)}
    before, size = run(model, feed), terse.saved(model)
    terse.shorten(model)
    assert np.array_equal(before, run(model, feed)) and size > 14 + 3
    assert [bool(t.raw_data) for t in model.graph.initializer] == [False, True, False]  # -1 has ten bytes
