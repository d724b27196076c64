"""Models on which lwc failed once, as fuzzing found them: each is refused in one line or left alone, never a bug."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from fuzz.damage import withstand
from lightweight_cli.errors import InputError
from lightweight_cli.model.load import load

Change = Callable[[ModelProto], None]


def model() -> ModelProto:
    """Return a model with a quantized weight, a plain one, and an LSTM."""
    proto = onnx.parser.parse_model("""
        <ir_version: 8, opset_import: ["" : 17]>
        g (float[2,64] x, float[1,1,64] s) => (float[2,64] y, float[1,1,1,4] z)
        {
          w = DequantizeLinear <axis: int = 1> (q, k)
          h = MatMul (x, w)
          y = Gemm <transB: int = 1> (h, v)
          z = LSTM <hidden_size: int = 4> (s, a, b)
        }""")
    random = np.random.default_rng(0)
    arrays = {
        "q": random.integers(-127, 127, (64, 32), np.int8),
        "k": random.random(32).astype(np.float32),
        "v": random.standard_normal((64, 32)).astype(np.float32),
        "a": random.standard_normal((1, 16, 64)).astype(np.float32),
        "b": random.standard_normal((1, 16, 4)).astype(np.float32),
    }
    proto.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in arrays.items())
    return proto


def attribute(index: int, name: str, value: object) -> Change:
    """Set an attribute of a node."""

    def change(proto: ModelProto) -> None:
        node = proto.graph.node[index]
        del node.attribute[:]
        node.attribute.append(helper.make_attribute(name, value))

    return change


def no_outputs(proto: ModelProto) -> None:
    proto.graph.node[1].ClearField("output")


def fewer_inputs(proto: ModelProto) -> None:
    del proto.graph.node[3].input[1:]


def a_graph_in_a_constant(proto: ModelProto) -> None:
    node = helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(np.zeros(3, np.float32)))
    node.attribute[0].graphs.add().CopyFrom(proto.graph)
    proto.graph.node.append(node)


def segments(proto: ModelProto) -> None:
    proto.graph.initializer[2].segment.begin = 3


def text_as_raw_data(proto: ModelProto) -> None:
    proto.graph.initializer[2].data_type = TensorProto.STRING


CHANGES: dict[str, Change] = {
    "nothing": lambda proto: None,
    "an axis that is a list": attribute(0, "axis", [1]),
    "an axis beyond the rank": attribute(0, "axis", 5),
    "a flag that is a graph": attribute(2, "transB", onnx.GraphProto(name="g")),
    "a node without outputs": no_outputs,
    "an LSTM without weights": fewer_inputs,
    "a graph in a Constant node": a_graph_in_a_constant,
    "a weight in segments": segments,
    "text as raw data": text_as_raw_data,
}


@pytest.mark.parametrize("name", CHANGES)
def test_is_withstood(name: str) -> None:
    proto = model()
    CHANGES[name](proto)
    withstand(proto.SerializeToString())


@pytest.mark.parametrize(("name", "says"), [("a weight in segments", "stored in segments"), ("text as raw data", "strings can't be raw")])
def test_is_refused_by_name(name: str, says: str, save) -> None:
    proto = model()
    CHANGES[name](proto)
    with pytest.raises(InputError, match=f"tensor v: .*{says}"):
        load(save(proto))


def test_a_flag_that_is_a_graph_is_named(save, call) -> None:
    proto = model()
    CHANGES["a flag that is a graph"](proto)
    save(proto)
    status, _, error = call("quantize", "model.onnx", "-o", "out.onnx")
    assert (status, error) == (3, "lwc: error: model.onnx: Gemm has an attribute transB of a wrong type\n")


@pytest.mark.filterwarnings("error")
def test_a_signalling_nan_stays(save, apply) -> None:
    proto = model()
    values = np.round(numpy_helper.to_array(proto.graph.initializer[2]))
    values.view(np.uint32)[0, 0] = 0x7F800001
    proto.graph.initializer[2].CopyFrom(numpy_helper.from_array(values, "v"))
    done = apply(save(proto), "pack")
    assert "v" in done.encodings, done.left
    assert np.isnan(done.value("v")[0, 0])


def test_an_output_of_another_shape_than_stated(save, call) -> None:
    save("""<ir_version: 8, opset_import: ["" : 17]>
        g (float[N,64,64] x) => (float[N,64,64] y) <float[64,128] a, float[128] b, float[128,4] c>
        { m = MatMul (x, a)  n = Add (m, b)  r = Relu (n)  y = MatMul (r, c) }""")
    for command in ("quantize", "half", "pack"):
        status, _, error = call(command, "model.onnx", "-o", f"{command}.onnx", "-q")
        assert (status, error) == (0, "")
