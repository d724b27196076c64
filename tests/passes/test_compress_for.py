"""compress --for speed and memory: integers first, the rest searched beside them, all held against the model as it was."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from weight_models import filled, gaussian

import lightweight_cli
from lightweight_cli.errors import UsageError

TEXT = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[N, 64] x) => (float[N, 8] y) <float[64, 128] A, float[128, 64] B, float[8, 64] C, float[2, 64, 64] D>
{ a = MatMul (x, A) r = Relu (a) b = MatMul (r, B) d = MatMul (b, D) m = ReduceMean <axes = [0], keepdims = 0> (d)
  y = Gemm <transB = 1> (m, C) }
"""
PROTO = filled(TEXT, A=gaussian(64, 128) / 8, B=gaussian(128, 64) / 8, C=gaussian(8, 64) / 8, D=gaussian(2, 64, 64) / 8)


@pytest.fixture
def files(tmp_path):
    """A model, and data for it."""
    onnx.save(PROTO, tmp_path / "m.onnx")
    np.savez(tmp_path / "d.npz", x=np.random.default_rng(0).standard_normal((300, 64)).astype(np.float32))
    return str(tmp_path / "m.onnx"), str(tmp_path / "d.npz")


def decibels(reference, candidate, data):
    """Of the output on the data."""
    told = [ort.InferenceSession(m, providers=["CPUExecutionProvider"]).run(None, {"x": np.load(data)["x"]})[0]
            for m in (reference, candidate)]
    return 10 * np.log10((told[0] ** 2).sum() / ((told[0] - told[1]) ** 2).sum())


def operators(path):
    return Counter(n.op_type for n in onnx.load(path).graph.node)


def test_integers_take_half_of_the_goal_and_the_search_the_rest(call, files, tmp_path):
    (model, data), plan, out, recipe = files, tmp_path / "plan.json", str(tmp_path / "o.onnx"), str(tmp_path / "r.toml")
    words = ["--for", "speed", "--arch", "avx2", "--exclude", "C", "--plan", str(plan), "--data", data, "--min-sqnr", "22"]
    status, _, err = call("compress", model, *words, "-o", out, "--save-recipe", recipe, "--report", str(tmp_path / "r.json"))
    assert status == 0, err
    assert json.loads(plan.read_text())["forms"] == {"/A": "dynamic int8", "/B": "dynamic int8"}
    made = operators(out)
    assert made["MatMulInteger"] == 2 and made["MatMul"] == 1 and made["Gather"]
    assert 22 <= decibels(model, out, data) < 27
    step = json.loads((tmp_path / "r.json").read_text())["steps"][-1]
    assert {w["name"] for w in step["weights"]} == {"A", "B", "D"}
    again = str(tmp_path / "p.onnx")
    status, _, err = call("run", model, "--recipe", recipe, "--calibrate", data, "-o", again)
    assert status == 0, err
    assert operators(again) == made


def test_layers_go_back_where_integers_cost_too_much(call, files, tmp_path):
    (model, data), out = files, str(tmp_path / "o.onnx")
    words = ["--for", "speed", "--arch", "avx2", "--data", data, "--min-sqnr", "45", "--report", str(tmp_path / "r.json")]
    status, _, err = call("compress", model, *words, "-o", out)
    assert status == 0, err
    notes = json.loads((tmp_path / "r.json").read_text())["steps"][-1]["notes"]
    assert not operators(out)["MatMulInteger"] and any("stay out of integers, for the goal" in n for n in notes)
    assert decibels(model, out, data) >= 45


def test_for_memory_nothing_is_decoded(call, files, tmp_path):
    (model, data), out = files, str(tmp_path / "o.onnx")
    status, _, err = call("compress", model, "--for", "memory", "--arch", "avx2", "--data", data, "--exclude", "B", "-o", out)
    assert status == 0, err
    made = operators(out)
    assert made["MatMulInteger"] == 1 and made["MatMul"] == 2 and not made["Gather"]


@pytest.mark.parametrize("option,said", [
    ("arch=vnni", "compress: arch: needs for speed"), ("for=memory,ratio=2", "leaves nothing to search"),
    ("for=speed,item=A=0.3", "needs the plan")])
def test_what_makes_no_sense_is_refused(option, said):
    with pytest.raises(UsageError, match=said):
        lightweight_cli.run(PROTO, [f"compress:{option}"])
