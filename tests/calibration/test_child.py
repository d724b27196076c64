"""Calibration in its own process: the same figures, and one line for whatever goes wrong there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lightweight_cli.calibration.calibration import Calibration
from lightweight_cli.data.portion import Portion
from lightweight_cli.errors import InputError
from lightweight_cli.model.load import load
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.weights.search import find_weights

HEAD = '<ir_version: 8, opset_import: ["" : 17]>'


def layers(path: str, data: str, walk: bool = False, **options):
    model = load(path)
    weights = find_weights(model, Scopes(model.proto))
    calibration = Calibration(Portion((data,)), threads=1, **options)
    return (calibration.walk if walk else calibration.statistics)(model, weights)


@pytest.fixture
def path(save) -> str:
    return save(f"""{HEAD} g (float[N,6] x) => (float[N,4] y) <float[5,6] A, float[5,4] B>
        {{ h = Gemm <transB = 1> (x, A)  r = Relu (h)  y = MatMul (r, B) }}""")


def test_the_child_gives_what_this_process_gives(path, calibrate, tmp_path):
    x = np.random.default_rng(1).standard_normal((50, 6)).astype(np.float32)
    told = []

    def halved(name, values):
        return values / 2

    here = calibrate(path, {"x": x}, walk=halved, rows=None)
    for layer in layers(path, str(tmp_path / "data.npz"), walk=True):
        told.append(layer.weight.name)
        mine = here[layer.weight.name]
        for a, b in zip(layer.statistics.moments, mine.moments, strict=True):
            assert np.array_equal(a, b)
        assert np.array_equal(layer.statistics.largest, mine.largest)
        layer.replace(layer.weight.read(0, layer.weight.size).reshape(layer.weight.shape) / 2)
    assert told == ["A", "B"]


def test_values_of_another_shape_are_refused(path, tmp_path):
    np.savez(tmp_path / "x.npz", x=np.zeros((4, 6), np.float32))
    layer = next(layers(path, str(tmp_path / "x.npz"), walk=True))
    with pytest.raises(ValueError, match=r"values of shape \[3\] for a weight of \[5, 6\]"):
        layer.replace(np.zeros(3, np.float32))


def test_the_model_that_was_changed_is_the_one_that_runs(path, tmp_path):
    np.savez(tmp_path / "x.npz", x=np.ones((4, 6), np.float32))
    model = load(path)
    weights = find_weights(model, Scopes(model.proto))
    zero = np.zeros((5, 6), np.float32)
    tensor = next(t for t in model.proto.graph.initializer if t.name == "A")
    model.attach(tensor, model.spool.put(zero))
    seen = {layer.weight.name: layer.statistics for layer in Calibration(Portion((str(tmp_path / "x.npz"),))).statistics(model, weights)}
    assert not seen["B"].moments.S.any()


def test_data_that_do_not_fit(path, tmp_path):
    np.savez(tmp_path / "x.npz", x=np.zeros((4, 7), np.float32))
    with pytest.raises(InputError, match=r'x\.npz: "x" has shape \[4, 7\], but the model takes') as e:
        list(layers(path, str(tmp_path / "x.npz")))
    assert "\n" not in str(e.value)


def test_a_model_that_does_not_run(save, tmp_path):
    path = save(f"""{HEAD} g (float[N,6] x) => (float[4,4] y) <float[5,6] A, float[4,4] B>
        {{ h = Gemm <transB = 1> (x, A)  s = Constant <value_ints = [4, 4]> ()  r = Reshape (h, s)  y = MatMul (r, B) }}""")
    np.savez(tmp_path / "x.npz", x=np.zeros((4, 6), np.float32))
    with pytest.raises(InputError, match="calibration: the model does not run on batch 0: .*Reshape") as e:
        list(layers(path, str(tmp_path / "x.npz")))
    assert "\n" not in str(e.value)


def test_a_process_that_dies(path, tmp_path: Path):
    reader = tmp_path / "reader.py"
    reader.write_text("import os, signal\ndef feeds():\n    os.kill(os.getpid(), signal.SIGSEGV)\n    yield {}\n")
    with pytest.raises(InputError, match=r"model\.onnx: onnxruntime crashed \(SIGSEGV\) during calibration$"):
        list(layers(path, f"{reader}:feeds"))


def test_a_model_that_does_not_end(save, tmp_path):
    path = save(f"""{HEAD} g (float[N,6] x) => (float[N,4] y) <float[6,4] A> {{
        n = Constant <value = int64 {{4000000000000}}> ()
        c = Constant <value = bool {{1}}> ()
        r = Loop (n, c, x) <body = b (int64 i, bool k, float[N,6] s) => (bool k2, float[N,6] s2)
            {{ k2 = Identity (k)  s2 = Neg (s) }}>
        y = MatMul (r, A) }}""")
    np.savez(tmp_path / "x.npz", x=np.zeros((4, 6), np.float32))
    with pytest.raises(InputError, match=r"model\.onnx: calibration: still running after 8 s$"):
        list(layers(path, str(tmp_path / "x.npz"), time_limit=8.0))
