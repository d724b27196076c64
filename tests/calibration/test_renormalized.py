"""BatchNormalization by the batch: what synthetic inputs look like behind it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from lightweight_cli.calibration.renormalized import renormalize
from lightweight_cli.model.load import load

NET = """<ir_version: 8, opset_import: ["" : {opset}]> net (float[n, 2, 4] x) => (float[n, 3] y)
<float[2] s = {{0.5, 3.0}}, float[2] b = {{-1.0, 2.0}}, float[2] m = {{9.0, 9.0}}, float[2] v = {{1.0, 4.0}}>
{{ h = BatchNormalization(x, s, b, m, v)
   f = Flatten(h)
   y = MatMul(f, w) }}"""


@pytest.fixture
def net(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    proto = onnx.parser.parse_model(NET.format(opset=getattr(request, "param", 17)))
    weight = np.random.default_rng(1).normal(size=(8, 3)).astype(np.float32)
    proto.graph.initializer.append(onnx.numpy_helper.from_array(weight, "w"))
    onnx.save(proto, tmp_path / "net.onnx")
    return str(tmp_path / "net.onnx")


@pytest.mark.parametrize("net", [9, 13, 18], indirect=True)
def test_outputs_have_the_trained_mean_and_deviation(net: str) -> None:
    model = load(net)
    assert renormalize(model)
    model.proto.graph.output.add().name = "h"
    session = ort.InferenceSession(model.proto.SerializeToString(), providers=["CPUExecutionProvider"])
    seen = session.run(["h"], {"x": np.random.default_rng(0).uniform(5, 7, (64, 2, 4)).astype(np.float32)})[0]
    np.testing.assert_allclose(seen.mean((0, 2)), [-1, 2], atol=1e-3)
    np.testing.assert_allclose(seen.std((0, 2)), [0.5, 3], rtol=1e-3)


def test_statistics_of_what_follows_are_those_of_training(net: str, calibrate: Callable) -> None:
    data = {"x": np.random.default_rng(0).uniform(5, 7, (64, 2, 4)).astype(np.float32)}
    plain, trained = calibrate(net, data)["w"], calibrate(net, data, renormalized=True)["w"]
    per_channel = np.diag(trained.moments.S[0]).reshape(2, 4).mean(1)
    np.testing.assert_allclose(per_channel, [1 + 0.5**2, 2**2 + 3**2], rtol=1e-3)
    assert not np.allclose(plain.moments.S, trained.moments.S, rtol=0.1)


def test_a_model_without_one_is_left_as_it_is(net: str) -> None:
    model = load(net)
    del model.proto.graph.node[0]
    model.proto.graph.node[0].input[0] = "x"
    before = model.proto.SerializeToString()
    assert not renormalize(model)
    assert [n.op_type for n in model.proto.graph.node] == ["Flatten", "MatMul"]
    assert onnx.ModelProto.FromString(before).graph.node == model.proto.graph.node
