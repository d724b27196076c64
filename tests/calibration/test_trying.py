"""What a changed weight does to the outputs, part by part, is what the whole model does with it in onnxruntime."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import ModelProto, numpy_helper, parser

from lightweight_cli.calibration.trying import Trying
from lightweight_cli.errors import InputError
from lightweight_cli.model.load import load
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.weights.search import find_weights

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 4)).astype(np.float32)
PLAIN = """<ir_version: 10, opset_import: ["": 18]> agraph (float[N, 4] x) => (float[N, 3] y)
  <float[4, 4] W, float[4, 3] V> { a = MatMul(x, W) b = Relu(a) c = MatMul(b, V) y = Softmax(c) }"""
TIED = """<ir_version: 10, opset_import: ["": 18]> agraph (float[N, 4] x) => (float[N, 4] y, float[4, 4] W)
  <float[4, 4] W, float[4, 4] V> { a = MatMul(x, W) b = Tanh(a) t = Transpose(W) c = MatMul(b, t) y = MatMul(c, V) }"""
CONSTANT = """<ir_version: 10, opset_import: ["": 13]> agraph (float[N, 4] x) => (float[N, 3] y)
  <float[4, 3] V> { W = Constant<value = float[4, 4] {1, 2, 3, 4, -1, 2, 0, 1, 0, 1, 0, 1, 3, 1, 0, -2}>()
  a = MatMul(x, W) b = Relu(a) y = MatMul(b, V) }"""
OLD = """<ir_version: 3, opset_import: ["": 7]> agraph (float[N, 4] x, float[4, 4] W, float[4, 3] V) => (float[N, 3] y)
  <float[4, 4] W, float[4, 3] V> { a = MatMul(x, W) b = Relu(a) y = MatMul(b, V) }"""
EARLY = """<ir_version: 10, opset_import: ["": 18]> agraph (float[N, 4] x) => (float[N, 3] y, float[N, 4] early)
  <float[4, 4] W, float[4, 3] V> { early = Neg(x) a = MatMul(x, W) b = Relu(a) y = MatMul(b, V) }"""
BRANCH = """<ir_version: 10, opset_import: ["": 18]> agraph (float[N, 4] x) => (float[N, 3] y)
  <float[4, 4] W, bool on = {1}> { a = MatMul(x, W)
  y = If (on) <then_branch = yes () => (float[N, 3] p) <float[4, 3] V> { p = MatMul(a, V) },
               else_branch = no () => (float[N, 3] q) <float[4, 3] U> { r = Relu(a) q = MatMul(r, U) }> }"""
FUNCTION = """<ir_version: 10, opset_import: ["": 18, "own": 1]> agraph (float[N, 4] x) => (float[N, 3] y)
  <float[4, 3] V> { a = own.f(x) y = MatMul(a, V) }
  <domain: "own", opset_import: ["": 18]> f (u) => (v) {
  W = Constant<value = float[4, 4] {1, 2, 3, 4, -1, 2, 0, 1, 0, 1, 0, 1, 3, 1, 0, -2}>() v = MatMul(u, W) }"""


def filled(text: str) -> ModelProto:
    """Parse a model, and give what it declares without a value a random one."""
    model = parser.parse_model(text)
    for graph in (model.graph, *(a.g for n in model.graph.node for a in n.attribute if a.HasField("g"))):
        for value in graph.value_info:
            shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
            graph.initializer.append(numpy_helper.from_array(RNG.normal(size=shape).astype(np.float32), value.name))
        del graph.value_info[:]
    return model


def replaced(model: ModelProto, name: str, values: np.ndarray) -> ModelProto:
    """Return the model with other values of one tensor, wherever it stands."""
    copy = ModelProto()
    copy.CopyFrom(model)
    graphs = [copy.graph, *(a.g for n in copy.graph.node for a in n.attribute if a.HasField("g"))]
    tensors = [t for g in graphs for t in g.initializer if t.name == name]
    tensors += [a.t for n in copy.graph.node if n.op_type == "Constant" and n.output[0] == name for a in n.attribute]
    tensors[0].CopyFrom(numpy_helper.from_array(values, tensors[0].name))
    return copy


def decibels(model: ModelProto, other: ModelProto) -> float:
    """Return the dB of the first output, of the logits where it is a softmax."""
    old, new = (ort.InferenceSession(m.SerializeToString()).run(["y"], {"x": X})[0].astype(np.float64) for m in (model, other))
    if np.allclose(old.sum(1), 1):
        old, new = np.log(old), np.log(new)
    old, new = (v - v.mean(1, keepdims=True) for v in (old, new))  # scores: what is added to a whole row does nothing
    noise = np.square(old - new).sum()
    return math.inf if noise == 0 else 10 * math.log10(np.square(old).sum() / noise)


def opened(folder: Path, model: ModelProto) -> tuple[Trying, dict, list]:
    path, data = str(folder / "m.onnx"), str(folder / "x.npz")
    onnx.save(model, path)
    np.savez(data, x=X)
    loaded = load(path)
    keys = [(w.scope.number, w.name) for w in find_weights(loaded, Scopes(loaded.proto))]
    trying = Trying()
    told = trying({"do": "open", "model": path, "portion": {"paths": [data]}, "weights": keys, "memory": 1 << 20, "threads": 1,
                   "batch_size": 8}, {}, lambda *stage: None)[0]
    return trying, told, keys


@pytest.mark.parametrize(("text", "order"), [
    (PLAIN, "WV"), (TIED, "WV"), (CONSTANT, "WV"), (OLD, "WV"), (EARLY, "WV"), (BRANCH, "WUV"), (FUNCTION, "V")],
    ids=["plain", "tied, an output too", "Constant node", "old opset", "an output before", "branches", "function"])
def test_effects_are_those_of_the_whole_model(tmp_path: Path, text: str, order: str) -> None:
    model = filled(text)
    trying, told, keys = opened(tmp_path, model)
    assert (told["samples"], told["of"], told["synthetic"]) == (20, 20, False)
    found = []
    while (number := trying({"do": "turn"}, {}, lambda *stage: None)[0]) is not None:
        name = keys[number][1]
        found.append(name)
        shape = (4, 4) if name == "W" or text is TIED else (4, 3)
        for values in (RNG.normal(size=shape).astype(np.float32), np.zeros(shape, np.float32)):
            effect = float(trying({"do": "effect"}, {"values": values}, lambda *stage: None)[0])
            assert effect == pytest.approx(decibels(model, replaced(model, name, values)), abs=2e-3), name
    assert "".join(found) == order or sorted("".join(found)) == sorted(order) == ["U", "V", "W"]
    assert len(told["behind"]) == len(order)


def test_the_weights_own_values_change_nothing(tmp_path: Path) -> None:
    model = filled(PLAIN)
    trying, _, keys = opened(tmp_path, model)
    while (number := trying({"do": "turn"}, {}, lambda *stage: None)[0]) is not None:
        own = next(numpy_helper.to_array(t) for t in model.graph.initializer if t.name == keys[number][1])
        assert trying({"do": "effect"}, {"values": own}, lambda *stage: None)[0] == "inf"
        assert trying({"do": "effect"}, {"values": np.full_like(own, np.nan)}, lambda *stage: None)[0] == "-inf"


def test_a_model_that_does_not_run_says_so(tmp_path: Path) -> None:
    text = PLAIN.replace("b = Relu(a)", "d = Reshape(a, s) b = Relu(d)")
    model = filled(text.replace("float[4, 3] V", "float[4, 3] V, int64[2] s = {7, 4}"))
    trying, _, _ = opened(tmp_path, model)
    with pytest.raises(InputError, match="does not run on batch 0"):
        while trying({"do": "turn"}, {}, lambda *stage: None)[0] is not None:
            pass
