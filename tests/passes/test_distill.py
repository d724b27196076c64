"""distill: the student comes nearer to its teacher, or stays what it was; and its weights stay in their forms."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import lightweight_cli
from lightweight_cli.distillation import trainer
from lightweight_cli.encodings import recognise
from lightweight_cli.model.load import load
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.pipeline import run as running
from lightweight_cli.weights.search import find_weights

HEAD = '<ir_version: 8, opset_import: ["" : 17]>'
NET = HEAD + """
g (float[n,16] x) => (float[n,6] y) <float[16,48] A, float[48] a, float[48,6] B>
{ t = Gemm (x, A, a)  u = Relu (t)  v = MatMul (u, B)  y = Softmax (v) }
"""
FAMILIES = """<ir_version: 8, opset_import: ["" : 17, "own" : 1]>
g (float[n,8] x, bool c) => (float[n,8] y, float[8,8] seen) <float[8,8] T, float[8,8] seen, float[8,8] D>
{ a = MatMul (x, T)  b = Tanh (a)  d = MatMul (b, T)  K = Constant <value = float[1] {0}> ()  e = own.f (d, K)  f = MatMul (e, seen)
  r = If (c) <then_branch = th () => (float[n,8] p) <float[8,8] E> { p = MatMul (x, E) },
              else_branch = el () => (float[n,8] q) { q = MatMul (x, D) }>  s = Add (f, r)  y = Tanh (s) }
<domain: "own", opset_import: ["" : 17]> f (a, b) => (c) { c = MatMul (a, b) }
"""
STEPS = "distill:steps=120,learning_rate=0.01"


def samples(count: int, width: int = 16, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, width)).astype(np.float32)


def changed(path: str, target: Path, change) -> str:
    """Save a model with other values of its initializers: change(name, values)."""
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(change(tensor.name, numpy_helper.to_array(tensor))), tensor.name))
    onnx.save(model, target)
    return str(target)


def values(path: str) -> dict[str, np.ndarray]:
    model = load(path)
    return {w.name: w.read(0, w.size).reshape(w.shape) for w in find_weights(model, Scopes(model.proto))}


@pytest.fixture
def teacher(save, parse, tmp_path) -> str:
    proto = parse(NET)
    for tensor in proto.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * (10 if tensor.name == "B" else 3), tensor.name))
    np.savez(tmp_path / "x.npz", x=samples(400))
    return save(proto, "teacher.onnx")


def distilled(step: str, path: str, folder: Path, name: str = "out.onnx") -> tuple[str, lightweight_cli.api.Result]:
    result = lightweight_cli.run(path, step.split(" "), calibrate=folder / "x.npz")
    result.save(folder / name, check=False, force=True)
    return str(folder / name), result


def apart(execute, a: str, b: str) -> float:
    """Return how often two models choose another class."""
    x = {"x": samples(500, seed=5)}
    return float(np.mean(execute(a, x)[0].argmax(1) != execute(b, x)[0].argmax(1)))


def test_a_shuffled_last_layer_returns_to_the_teacher_and_zeros_stay(teacher, execute, tmp_path):
    R = np.random.default_rng(0)
    student = changed(teacher, tmp_path / "student.onnx", lambda n, v: R.permutation(v) if n == "B" else v * (np.abs(v) > 0.1))
    step = f"{STEPS.replace('120', '400').replace('0.01', '0.03')},teacher={teacher}"
    path, result = distilled(step, student, tmp_path)
    assert apart(execute, teacher, student) > 0.5 and apart(execute, teacher, path) < 0.2
    old, new = values(student), values(path)
    assert 0.1 < np.mean(old["A"] == 0) < 0.9 and np.array_equal(old["A"] == 0, new["A"] == 0)
    (report,) = result.steps
    assert {w.name for w in report.weights} == {"A", "B", "a"} and report.calibrated == (400, 400, False) and not report.left
    assert Path(path).stat().st_size <= Path(student).stat().st_size
    assert Path(distilled(step, student, tmp_path, "again.onnx")[0]).read_bytes() == Path(path).read_bytes(), "not deterministic"


@pytest.mark.parametrize("step", ["quantize:bits=2", "share:bits=2", "half"])
def test_encoded_weights_stay_on_their_levels(teacher, execute, tmp_path, step):
    student, _ = distilled(step, teacher, tmp_path, "student.onnx")
    path, result = distilled(f"{STEPS},teacher={teacher}", student, tmp_path)
    found = []
    for at in (student, path):
        model = load(at)
        found.append([recognise.coded(w) for w in find_weights(model, Scopes(model.proto))])
    moved = [w for w in result.steps[0].weights if w.name in "AB"]
    assert len(moved) == 2 or step == "half"
    for before, after in zip(*found, strict=True):
        if step == "half":
            assert np.array_equal(values(path)["A"].astype(np.float16), values(path)["A"]) or not moved
        elif step.startswith("share"):
            assert before.count == after.count and not np.array_equal(before.decode(), after.decode())
        else:
            assert after.groups == before.groups and np.array_equal(after.scale, before.scale) and after.count <= 4
    if step != "half":
        assert "->" in result.steps[0].notes[0]


def test_it_is_never_worse(teacher, tmp_path):
    student = changed(teacher, tmp_path / "student.onnx", lambda n, v: v * 0.9)
    path, result = distilled(f"distill:steps=3,learning_rate=1000,teacher={teacher}", student, tmp_path)
    assert Path(path).read_bytes() == Path(student).read_bytes() and not result.changed
    assert {left.reason for left in result.steps[0].left} == {"no state was better on the samples held back"}


def test_a_student_that_is_its_teacher_has_nothing_to_learn(teacher, tmp_path):
    result = lightweight_cli.run(teacher, ["distill"], calibrate=tmp_path / "x.npz")
    assert not result.changed and result.steps[0].notes == ["the student gives what the teacher gives: there is nothing to learn"]


def test_a_step_after_pruning_learns_from_the_model_before_it(call, teacher, execute, tmp_path):
    labels = execute(teacher, {"x": samples(400)})[0].argmax(1)
    np.savez(tmp_path / "d.npz", x=samples(400), labels=labels)
    lightweight_cli.run(teacher, ["prune:sparsity=0.8,no_recover=true"]).save(tmp_path / "pruned.onnx", check=False)
    status, out, said = call("run", teacher, "-p", "prune:sparsity=0.8,no_recover=true", "-p", STEPS + ",alpha=0.5", "--data", "d.npz",
                             "-q", "--report", "-", "-o", "out.onnx")
    told = json.loads(out)
    assert status == 0 and told["accuracy"]["samples"] == 134, said
    assert told["steps"][1]["calibrated"] == {"samples": 266, "of": 400, "shared": True}
    assert apart(execute, teacher, str(tmp_path / "out.onnx")) < 0.8 * apart(execute, teacher, str(tmp_path / "pruned.onnx"))


def test_weights_in_all_places(save, tmp_path):
    path = save(FAMILIES, "teacher.onnx")
    model, R = onnx.load(path), np.random.default_rng(0)
    for node in model.graph.node:
        if node.op_type == "Constant":
            node.attribute[0].t.CopyFrom(numpy_helper.from_array(R.normal(0, 0.5, (8, 8)).astype(np.float32)))
    onnx.save(model, path)
    student = changed(path, tmp_path / "student.onnx", lambda n, v: v * 1.3 + 0.05)
    np.savez(tmp_path / "x.npz", x=samples(60, 8), c=np.array(True))
    _, result = distilled(f"distill:steps=40,learning_rate=0.01,teacher={path}", student, tmp_path)
    (report,) = result.steps
    assert {w.name for w in report.weights} == {"T", "K"}
    reasons = {left.name: left.reason for left in report.left}
    assert reasons == {"seen": "is an output of the graph", "E": "is in a graph within", "D": "is read in a graph within"}


def test_a_model_without_float_weights_stays(save, tmp_path):
    path = save(HEAD + "g (float[n,4] x) => (float[n,4] y) { y = Relu (x) }")
    np.savez(tmp_path / "x.npz", x=samples(9, 4))
    result = lightweight_cli.run(path, ["distill"], calibrate=tmp_path / "x.npz")
    assert not result.changed and result.steps[0].notes == ["no float32 weight that can be trained"]


@pytest.mark.parametrize(("student", "words", "line"), [
    (HEAD + "g (float[n,16] x) => (float[n,6] z) <float[16,6] W> { z = MatMul (x, W) }", [],
     'output "z" of the student is tensor(float) [n, 6], the teacher has none of that name'),
    (HEAD + "g (float[n,16] x) => (float[n,6] y) <float[16,6] W> { z = MatMul (x, W) t = NonZero (z) u = Cast <to = 1> (t) "
     "s = ReduceSum <keepdims = 0> (u) r = Mul (z, s) y = Softmax (r) }", ["--match", "q"], "--match q: no tensor of the student"),
    (HEAD + "g (float[n,16] x) => (float[n,6] y) <float[16,6] W> { z = MatMul (x, W) a = Mod <fmod = 1> (z, z) y = Softmax (a) }", [],
     "no gradient through Mod a"),
    (NET, ["--match", "=a"], "--match =a: must be A=B, a tensor of the student and one of the teacher"),
    (NET, ["--alpha", "1.5"], "--alpha 1.5: must be at least 0 and at most 1"),
    (NET, ["--alpha", "0.5"], "the data that train have no labels"),
])
def test_what_can_not_be_is_one_line_before_the_work(call, teacher, save, student, words, line):
    status, out, said = call("distill", teacher, save(student, "student.onnx"), "-q", "--calibrate", "x.npz", *words, "-o", "out.onnx")
    assert status in (2, 3) and not out and said.count("\n") == 1 and said.startswith("lwc: error: ")
    assert line in said and not Path("out.onnx").exists()


def test_without_data_it_is_refused(call, teacher, monkeypatch):
    monkeypatch.setattr(running.registry, "apply", None)
    status, _, said = call("run", teacher, "-p", "prune:sparsity=0.5", "-p", "distill", "-o", "out.onnx")
    assert status == 2 and said == "lwc: error: distill: needs data to learn from: give --calibrate or --data\n"


def test_an_interrupt_keeps_the_best_so_far(teacher, tmp_path, monkeypatch):
    def told(self, request, arrays=None):
        if request["do"] == "go":
            signal.raise_signal(signal.SIGINT)
        return ask(self, request, arrays)

    ask = trainer.Trainer._ask
    monkeypatch.setattr(trainer.Trainer, "_ask", told)
    student = changed(teacher, tmp_path / "student.onnx", lambda n, v: v * 0.9)
    _, result = distilled(f"distill:steps=1000000,learning_rate=0.001,teacher={teacher}", student, tmp_path)
    assert "interrupted" in result.steps[0].notes[0] and signal.getsignal(signal.SIGINT) is signal.default_int_handler
