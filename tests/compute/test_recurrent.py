"""DynamicQuantizeLSTM: both weights of an LSTM in integers, in every form an LSTM may have."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from integer_models import decibels, filled, in_integers, outputs

from lightweight_cli.compute import recurrent
from lightweight_cli.compute.layer import layers_of
from lightweight_cli.compute.menu import Asked, menu
from lightweight_cli.model.load import load
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.weights.search import find_weights

HEAD = '<ir_version: 8, opset_import: ["" : 17]>'
RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((7, 3, 24)).astype(np.float32)
ONE = f"""{HEAD} g (float[s,b,24] x) => (float[s,1,b,32] y, float[1,b,32] h, float[1,b,32] c)
<float[1,128,24] W, float[1,128,32] R, float[1,256] B> {{ y, h, c = LSTM <hidden_size = 32> (x, W, R, B) }}"""
CASES = {
    "one": ONE,
    "old": ONE.replace(": 17", ": 9"),
    "both ways": f"""{HEAD} g (float[s,b,24] x, int32[b] n, float[2,b,32] a) => (float[s,2,b,32] y, float[2,b,32] h)
<float[2,128,24] W, float[2,128,32] R> {{ y, h = LSTM <hidden_size = 32, direction = "bidirectional"> (x, W, R, , n, a, a) }}""",
    "tied": f"""{HEAD} g (float[s,b,24] x, int32[b] n) => (float[s,1,b,32] y, float[s,1,b,32] u) <float[1,128,24] W, float[1,128,32] R>
{{ y = LSTM <hidden_size = 32> (x, W, R) u = LSTM <hidden_size = 32> (x, W, R, , n) }}""",
    "in a branch": f"""{HEAD} g (float[s,b,24] x, bool q) => (float[s,1,b,32] z) <float[128,24] W, float[128,32] R, int64[1] zero = {{0}}>
{{ z = If (q) < then_branch = t () => (float[s,1,b,32] u)
   {{ w = Unsqueeze (W, zero) r = Unsqueeze (R, zero) u = LSTM <hidden_size = 32> (x, w, r) }},
   else_branch = e () => (float[s,1,b,32] v) <float[1,128,24] V, float[1,128,32] S> {{ v = LSTM <hidden_size = 32> (x, V, S) }} > }}""",
}
STAY = {
    "computed": f"""{HEAD} g (float[s,b,24] x, float[1,128,32] R) => (float[s,1,b,32] y) <float[1,128,24] W>
{{ y = LSTM <hidden_size = 32> (x, W, R) }}""",
    "crossed": f"""{HEAD} g (float[s,b,24] x) => (float[s,1,b,32] y, float[s,1,b,32] u)
<float[1,128,24] W, float[1,128,32] R, float[1,128,32] S>
{{ y = LSTM <hidden_size = 32> (x, W, R) u = LSTM <hidden_size = 32> (x, W, S) }}""",
    "output": f"""{HEAD} g (float[s,b,24] x) => (float[s,1,b,32] y, float[1,128,32] R) <float[1,128,24] W, float[1,128,32] R>
{{ y = LSTM <hidden_size = 32> (x, W, R) }}""",
    "peepholes": f"""{HEAD} g (float[s,b,24] x) => (float[s,1,b,32] y) <float[1,128,24] W, float[1,128,32] R, float[1,96] P>
{{ y = LSTM <hidden_size = 32> (x, W, R, , , , , P) }}""",
}


@pytest.mark.parametrize("name", CASES)
def test_it_gives_nearly_the_same(name, tmp_path):
    proto = filled(CASES[name])
    given = {"x": X, "n": np.array([7, 4, 1], np.int32), "a": RANDOM.standard_normal((2, 3, 32)).astype(np.float32)}
    feeds = [{i.name: given[i.name] for i in proto.graph.input if i.name != "q"}]
    if name == "in a branch":
        feeds = [{**feeds[0], "q": np.array(q)} for q in (True, False)]
    path, candidate, count = in_integers(tmp_path, proto, recurrent.NAME)
    assert count == len(feeds)
    for feed in feeds:
        for wanted, got in zip(outputs(path, feed)[0], outputs(candidate, feed)[0], strict=True):
            assert wanted.shape == got.shape and decibels(wanted, got) > 28
    left = onnx.load(candidate).graph
    assert not {t.name for t in left.initializer} & {"W", "R"} and onnx.load(candidate).ByteSize() < proto.ByteSize() / 2


@pytest.mark.parametrize("name", STAY)
def test_what_does_not_fit_stays(name, tmp_path):
    onnx.save(filled(STAY[name]), tmp_path / "m.onnx")
    model = load(str(tmp_path / "m.onnx"))
    weights = find_weights(model, Scopes(model.proto))
    layers, reasons = layers_of(weights)
    found, unfit = menu(layers, Asked())
    assert not found and set(reasons) | set(unfit) >= {id(w) for w in weights if w.name == "W"}


def test_places_without_the_operator_get_none(tmp_path):
    onnx.save(filled(ONE), tmp_path / "m.onnx")
    model = load(str(tmp_path / "m.onnx"))
    layers, reasons = layers_of(find_weights(model, Scopes(model.proto)))
    assert not reasons and list(menu(layers, Asked())[0]) == ["LSTM"]
    assert not menu(layers, Asked(own=False))[0] and not menu(layers, Asked("static", calibrated=True))[0]
