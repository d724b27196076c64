"""A weight tried alone, from its place on or from the inputs, costs what the whole model loses with it in onnxruntime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import ModelProto, numpy_helper, parser

from lightweight_cli.data.batches import Batch, Batches
from lightweight_cli.search.probing import Probing

MODEL = """<ir_version: 10, opset_import: ["": 18]> agraph (float[N, 4] x) => (float[N, 3] y)
  <float[4, 4] W, float[4] B, float[4, 3] V, float[4] U, bool on = {1}> { m = MatMul(x, W) a = Add(m, B) b = Relu(a)
  c = If (on) <then_branch = yes () => (float[N, 4] p) <float[4, 4] T> { p = MatMul(b, T) },
               else_branch = no () => (float[N, 4] q) { q = Mul(b, U) }>
  y = MatMul(c, V) }"""
RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 4)).astype(np.float32)
NEW = {n: RNG.normal(size=shape).astype(np.float32) for n, shape in (("W", (4, 4)), ("B", 4), ("V", (4, 3)), ("T", (4, 4)))}


def loss(model: ModelProto, names: str) -> float:
    """Return the loss with other values of some weights."""
    other = ModelProto()
    other.CopyFrom(model)
    for graph in (other.graph, *(a.g for n in other.graph.node for a in n.attribute)):
        for tensor in graph.initializer:
            if tensor.name in names:
                tensor.CopyFrom(numpy_helper.from_array(NEW[tensor.name], tensor.name))
    old, new = (ort.InferenceSession(m.SerializeToString()).run(["y"], {"x": X})[0].astype(np.float64) for m in (model, other))
    old, new = (v - v.mean(1, keepdims=True) for v in (old, new))
    return float(np.square(old - new).sum() / np.square(old).sum())


def test_a_probe_is_what_the_whole_model_loses(tmp_path: Path) -> None:
    model = parser.parse_model(MODEL)
    for graph in (model.graph, *(a.g for n in model.graph.node for a in n.attribute)):
        for value in graph.value_info:
            shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
            graph.initializer.append(numpy_helper.from_array(RNG.normal(size=shape).astype(np.float32), value.name))
        del graph.value_info[:]
    path = str(tmp_path / "m.onnx")
    onnx.save(model, path)
    batches = Batches([[Batch({"x": X[:8]}, 8), Batch({"x": X[8:]}, 4)]])
    keys = {"W": (0, "W"), "B": (0, "B"), "V": (0, "V"), "1/T": (1, "T"), "F": (0, "nowhere")}
    probing = Probing(path, batches, keys, 1 << 20, 1, lambda: None)
    assert [n for n in keys if probing.known(n)] == ["W", "V", "1/T"] and not probing.known("nothing")
    for name in ("W", "V", "W", "1/T"):  # W again, when it is passed
        assert probing.loss(name, {name: NEW[name[-1]]}) == pytest.approx(loss(model, name[-1]), rel=1e-3), name
    assert probing.loss("W", {n: NEW[n] for n in "WB"}) == pytest.approx(loss(model, "WB"), rel=1e-3) != loss(model, "W")
