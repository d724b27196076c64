"""A newer opset where an encoding needs one: through the converter, or not at all and the report says why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from lightweight_cli.model.load import load
from lightweight_cli.model.model import Model
from lightweight_cli.runtime.opset import raise_opset, version

ORDINARY = """<ir_version: 4, opset_import: ["" : 8], producer_name: "someone", metadata_props: ["key": "value"]>
    kept (float[2,40] x) => (float[2,10] y, float[2,1] m) <float[40,20] w, float[10] b = {1,2,3,4,5,6,7,8,9,10}>
    { h = MatMul(x, w) [cut] s = Slice<starts = [0], ends = [10], axes = [1]>(h) a = Add(s, b) y = Relu(a)
      m = ReduceMax<axes = [1]>(y) }"""


def loaded(text: str, folder: Path) -> Model:
    """Load textual ONNX as lwc does, with values for w."""
    proto = onnx.parser.parse_model(text)
    for tensor in proto.graph.initializer:
        if not tensor.raw_data and tensor.name == "w":
            array = np.random.default_rng(0).standard_normal(tuple(tensor.dims)).astype(np.float32)
            tensor.CopyFrom(onnx.numpy_helper.from_array(array, "w"))
    path = folder / "m.onnx"
    path.write_bytes(proto.SerializeToString())
    return load(str(path))


def outputs(model: Model) -> list[np.ndarray]:
    proto = onnx.ModelProto()
    proto.CopyFrom(model.proto)
    for tensor in proto.graph.initializer:
        blob = model.blob(tensor)
        if blob is not None:
            tensor.ClearField("external_data")
            tensor.ClearField("data_location")
            tensor.raw_data = blob.bytes()
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": np.random.default_rng(1).standard_normal((2, 40)).astype(np.float32)})


@pytest.mark.parametrize("minimum", [11, 13, 17, 21])
def test_raised(minimum: int, tmp_path: Path) -> None:
    notes: list[str] = []
    model = loaded(ORDINARY.replace("float[40,20] w", "float[40,20] w = {" + ",".join(["1"] * 800) + "}"), tmp_path)
    before, inputs, results = outputs(model), list(model.proto.graph.input), list(model.proto.graph.output)
    blobs = len(model.blobs)
    assert blobs == 1 and raise_opset(model, minimum, notes.append) and version(model.proto) == minimum
    assert [a.tobytes() for a in outputs(model)] == [a.tobytes() for a in before]
    assert list(model.proto.graph.input) == inputs and list(model.proto.graph.output) == results
    assert model.proto.graph.name == "kept" and model.proto.producer_name == "someone" and model.proto.metadata_props[0].value == "value"
    assert len(model.blobs) == blobs and model.proto.graph.initializer[0].external_data  # the weight was not read
    assert notes == [f"opset 8 became {minimum}: smaller encodings need it"]
    onnx.checker.check_model(model.proto.SerializeToString().replace(b"\0", b"\0")) if not model.blobs else None


def test_new_enough_is_left(tmp_path: Path) -> None:
    notes: list[str] = []
    model = loaded('<ir_version: 8, opset_import: ["" : 17]> g (float[1] x) => (float[1] y) { y = Relu(x) }', tmp_path)
    before = model.serialized()
    assert raise_opset(model, 13, notes.append) and model.serialized() == before and not notes


def test_initializers_that_are_inputs(tmp_path: Path) -> None:
    """IR 3 lists every initializer as an input; onnxruntime reports none of them."""
    notes: list[str] = []
    model = loaded(
        """<ir_version: 3, opset_import: ["" : 8]> g (float[2,4] x, float[4] b) => (float[2,4] y)
        <float[4] b = {1,2,3,4}> { y = Add(x, b) }""",
        tmp_path,
    )
    assert raise_opset(model, 11, notes.append)
    assert [v.name for v in model.proto.graph.input] == ["x"] and model.proto.ir_version >= 4


LEFT = {
    "opset 7 and newer": '<ir_version: 4, opset_import: ["" : 6]> g (float[1] x) => (float[1] y) { y = Relu(x) }',
    "functions of its own": """<ir_version: 8, opset_import: ["" : 8, "local" : 1]> g (float[1] x) => (float[1] y) { y = local.f(x) }
        <domain: "local", opset_import: ["" : 8]> f (a) => (b) { b = Relu(a) }""",
    "Gelu of com.microsoft": """<ir_version: 4, opset_import: ["" : 8, "com.microsoft" : 1]> g (float[1] x) => (float[1] y)
        { y = com.microsoft.Gelu(x) }""",
    "subgraphs": """<ir_version: 4, opset_import: ["" : 8]> g (float[1] x, bool c) => (float[1] y)
        { y = If (c) <then_branch = t () => (float[1] p) { p = Relu(x) }, else_branch = e () => (float[1] q) { q = Neg(x) }> }""",
    "converter says": '<ir_version: 4, opset_import: ["" : 8]> g (float[1] x) => (float[1] y) { y = NoSuchOperator(x) }',
}


@pytest.mark.parametrize("reason", LEFT)
def test_left_alone(reason: str, tmp_path: Path) -> None:
    notes: list[str] = []
    model = loaded(LEFT[reason], tmp_path)
    before = model.serialized()
    assert not raise_opset(model, 11, notes.append)
    assert model.serialized() == before and len(notes) == 1 and reason in notes[0], notes
