"""quantize below 8 bits without data: synthetic inputs and a prior, guarded by inputs of another kind."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper, parser

from lightweight_cli.calibration import guard
from lightweight_cli.calibration.trial import Score
from lightweight_cli.data.portion import Portion
from lightweight_cli.data.synthetic.calibrating import halves
from lightweight_cli.data.synthetic.kinds.images import images
from lightweight_cli.data.synthetic.search import synthetic_batches
from lightweight_cli.model.load import load
from lightweight_cli.model.output_folder import write_into
from lightweight_cli.model.skeleton import read_skeleton
from lightweight_cli.passes.quantize import without_data
from lightweight_cli.passes.quantize.result import MIX
from lightweight_cli.pipeline.recipe import Step
from lightweight_cli.pipeline.run import run_steps
from lightweight_cli.runtime.sessions import interface, open_session

NET = """<ir_version: 8, opset_import: ["" : 17]> g (float[N,3,32,32] x) => (float[N,10] y)
    <float[16,3,3,3] A, float[32,16,3,3] B, float[64,32,3,3] C, float[64,10] D> {
        a = Conv <pads = [1,1,1,1]> (x, A)  b = Relu (a)  c = Conv <strides = [2,2]> (b, B)  d = Relu (c)
        e = Conv <strides = [2,2]> (d, C)  f = Relu (e)  p = GlobalAveragePool (f)  q = Flatten (p)  y = MatMul (q, D) }"""


def saved(path: Path, text: str) -> str:
    """Write a model whose declared weights have values."""
    model, random = parser.parse_model(text), np.random.default_rng(0)
    for graph in (model.graph, *(a.g for n in model.graph.node for a in n.attribute if a.HasField("g"))):
        for value in graph.value_info:
            shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
            values = random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
            graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), value.name))
        del graph.value_info[:]
    file = str(path / "m.onnx")
    onnx.save(model, file)
    return file


def quantized(file: str, portion: Portion | None, folder: Path, **options: object) -> tuple[str, list[str]]:
    model = load(file)
    (report,) = run_steps(model, [Step("quantize", {"bits": 4, **options})], None, portion)
    os.makedirs(folder)
    return write_into(model, str(folder), "out"), report.notes


def ratio(original: str, result: str, feed: dict[str, np.ndarray]) -> float:
    a, b = (onnxruntime.InferenceSession(p, providers=["CPUExecutionProvider"]).run(None, feed)[0] for p in (original, result))
    return float(10 * np.log10(np.square(a).sum() / np.square(a - b).sum()))


def test_synthetic_inputs_beat_nearest_at_equal_bytes(tmp_path: Path) -> None:
    file = saved(tmp_path, NET)
    nearest, _ = quantized(file, None, tmp_path / "n", method="nearest")
    mixed, notes = quantized(file, Portion(()), tmp_path / "m")
    again, _ = quantized(file, Portion(()), tmp_path / "a")
    assert notes[0].startswith("second order on synthetic inputs and a prior: ") and notes[1] == "calibrated without data"
    feed = {"x": images("leaves", np.random.default_rng(9), (16, 3, 32, 32))}
    assert ratio(file, mixed, feed) > ratio(file, nearest, feed) + 2
    assert os.path.getsize(mixed) <= os.path.getsize(nearest) + 100
    assert Path(mixed).read_bytes() == Path(again).read_bytes(), "the same each time"


def test_a_model_that_is_not_to_be_run_has_the_prior_alone(tmp_path: Path) -> None:
    _, notes = quantized(saved(tmp_path, NET), None, tmp_path / "p")
    assert not any("synthetic" in n for n in notes) and any("on a prior" in n for n in notes)


def test_a_model_that_runs_on_nothing_has_the_prior_and_says_why(tmp_path: Path) -> None:
    text = """<ir_version: 8, opset_import: ["" : 17]> g (float[N,8,6,6] x) => (float[N,64,4,4] z, float[K,L] y) <float[64,8,3,3] W> {
        z = Conv (x, W)  a = Shape (x)  b = Add (a, a)  y = Reshape (x, b) }"""
    _, notes = quantized(saved(tmp_path, text), Portion(()), tmp_path / "p")
    assert any(n.startswith("not run on synthetic inputs: ") for n in notes), notes


@pytest.mark.parametrize("text", [
    """g (float[N,96] x, bool c) => (float[N,40] y) { y = If (c) <
        then_branch = t () => (float[N,40] p) <float[96,40] W> { p = MatMul (x, W) },
        else_branch = e () => (float[N,40] q) <float[96,40] V> { q = MatMul (x, V) }> }""",
    "g (float[N,64] x) => (float[N,64] y) <float[64,64] W> { a = MatMul (x, W)  b = Tanh (a)  y = MatMul (b, W) }",
    "g (float[N,64] x) => (float[N,32] y, float[64,32] W) <float[64,32] W> { y = MatMul (x, W) }",
    "g (int64[N,8] i) => (float[N,8,48] y) <float[99,32] T, float[32,48] W> { e = Gather (T, i)  y = MatMul (e, W) }"])
def test_wherever_a_weight_lies(tmp_path: Path, text: str) -> None:
    file = saved(tmp_path, '<ir_version: 8, opset_import: ["" : 17]> ' + text)
    result, notes = quantized(file, Portion(()), tmp_path / "q", keep=0.0)
    onnxruntime.InferenceSession(result, providers=["CPUExecutionProvider"])
    locked = "W) <" in text  # it is an output
    assert locked == (not notes) and ("calibrated without data" in notes) != locked, notes
    assert not any(n.startswith("not run") for n in notes), notes


def test_what_is_no_better_than_nearest_gives_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Score, "beats", lambda self, other: False)
    file = saved(tmp_path, NET)
    nearest, _ = quantized(file, None, tmp_path / "n", method="nearest")
    result, notes = quantized(file, Portion(()), tmp_path / "m")
    assert "nothing beat" in notes[0] and notes[-1] == "nearest: 4"
    feed = {"x": images("pink", np.random.default_rng(9), (4, 3, 32, 32))}
    a, b = (onnxruntime.InferenceSession(p, providers=["CPUExecutionProvider"]).run(None, feed)[0] for p in (nearest, result))
    assert np.array_equal(a, b)


class AsIfStudied:
    """Synthetic inputs of a model with or without BatchNormalization."""

    weights: tuple[object, ...] = ()

    def __init__(self, renormalized: bool) -> None:
        self.renormalized = renormalized
        self.asked: list[bool] = []

    def study(self, model: object, weights: object, renormalized: bool = False) -> AsIfStudied:
        self.asked.append(renormalized)
        return self

    def __enter__(self) -> AsIfStudied:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def statistics(self) -> tuple[object, ...]:
        return ()


@pytest.mark.parametrize(("scores", "normalizes", "said", "studies"), [
    ([(10, 10), (11, 9), (11, 11)], False, "second order on a prior", [True]),
    ([(10, 10), (11, 9), (12, 11)], True, MIX, [True, False]),
    ([(10, 10), (11, 9), (9, 11), (12, 12)], True, "second order on a prior", [True, False]),
    ([(10, 10), (13, 13)], True, MIX, [True])])
def test_the_mix_gives_way_to_the_prior(monkeypatch: pytest.MonkeyPatch, scores: list[tuple[int, int]], normalizes: bool, said: str,
                                        studies: list[bool]) -> None:
    """With BatchNormalization as it was trained first, where there is one."""
    left = iter(scores)
    monkeypatch.setattr(guard, "scored", lambda *_: Score(*next(left)))
    notes: list[str] = []
    step = type("S", (), {"expect": lambda *_: None, "note": lambda _, text: notes.append(text)})()
    context = type("C", (), {"step": step, "model": None})()
    synthetic = AsIfStudied(normalizes)
    without_data._guarded(context, synthetic, [], lambda *_: "")  # type: ignore[arg-type]
    assert notes == [f"{said}: {scores[-1][0]}.0 dB on inputs of another kind, where nearest has 10.0"]
    assert synthetic.asked == studies and not list(left)


def test_inputs_that_judge_are_of_other_kinds_than_those_that_calibrate(tmp_path: Path) -> None:
    file = saved(tmp_path, NET)
    session = open_session(file)
    found = synthetic_batches(session, interface(session), read_skeleton(file), 0, lambda: None, path=file)
    assert not isinstance(found, str)
    made = halves(found, None)
    ours, theirs = ({b.kind for b in half} for half in made)
    assert ours == {"leaves", "documents", "pink", "patches"} and theirs == {"noise"}
    assert sum(b.samples for b in made.calibrate) == 32 and sum(b.samples for b in halves(found, 16).calibrate) == 16
    first = {b.feed["x"].tobytes() for b in made.calibrate}
    assert not first & {b.feed["x"].tobytes() for b in found}, "the check sees others"
