"""Copies to infer shapes in: large constants are inputs there, and cost nothing."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference

from lightweight_cli.model.light import READ, light_copy


def test_shapes_are_inferred_alike_without_large_constants() -> None:
    nodes = [helper.make_node("Cast", ["codes"], ["w"], to=TensorProto.FLOAT), helper.make_node("Reshape", ["w", "shape"], ["m"]),
             helper.make_node("MatMul", ["x", "m"], ["y"])]
    stored = [numpy_helper.from_array(np.zeros(8 * READ, np.int32), "codes"), numpy_helper.from_array(np.array([8, READ]), "shape")]
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", ["n", 8]), ("y", None))]
    proto = helper.make_model(helper.make_graph(nodes, "g", ports[:1], ports[1:], stored), opset_imports=[helper.make_opsetid("", 17)])
    before = proto.SerializeToString()
    light = light_copy(proto)
    assert [t.name for t in light.graph.initializer] == ["shape"] and [v.name for v in light.graph.input] == ["x", "codes"]
    assert proto.SerializeToString() == before

    whole, small = (shape_inference.infer_shapes(p, data_prop=True).graph for p in (proto, light))
    assert next(v.type for v in whole.value_info if v.name == "m") == next(v.type for v in small.value_info if v.name == "m")
    assert whole.output[0].type == small.output[0].type
    assert [d.dim_value for d in small.output[0].type.tensor_type.shape.dim][1] == READ


def test_an_initializer_that_is_listed_as_input_is_listed_once() -> None:
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [2 * READ]) for n in ("w", "y")]
    graph = helper.make_graph([helper.make_node("Abs", ["w"], ["y"])], "g", ports[:1], ports[1:],
                              [numpy_helper.from_array(np.zeros(2 * READ, np.float32), "w")])
    light = light_copy(helper.make_model(graph, ir_version=3, opset_imports=[onnx.helper.make_opsetid("", 9)]))
    assert [v.name for v in light.graph.input] == ["w"] and not light.graph.initializer


def test_codes_become_no_dimensions() -> None:
    """onnx makes up one for each element of a row of known length: 50 bytes each, through every node."""
    graph = helper.make_graph([helper.make_node("Cast", ["codes"], ["y"], to=TensorProto.INT64)], "g",
                              [], [helper.make_tensor_value_info("y", TensorProto.INT64, [4 * READ])],
                              [numpy_helper.from_array(np.zeros(4 * READ, np.uint8), "codes")])
    light = light_copy(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]))
    assert not light.graph.input[0].type.tensor_type.shape.dim[0].HasField("dim_value")
    assert len(light.graph.input[0].type.tensor_type.shape.dim) == 1
