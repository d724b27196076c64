"""compress: goals are kept, sizes are met, plans give the same bytes, whatever the model holds its weights in."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper

import lightweight_cli
from lightweight_cli.search.items import SAFE, parse

HEAD = '<ir_version: 8, opset_import: ["" : 17]>'
NET = HEAD + """
g (float[n,48] x) => (float[n,4] y) <float[48,96] A, float[96] a, float[96,96] B, float[96] b, float[96,4] C>
{ t = Gemm (x, A, a)  u = Relu (t)  v = MatMul (u, B)  w = Add (v, b)  k = Relu (w)  l = MatMul (k, C)  y = Softmax (l) }
"""
TIED = HEAD + """
g (float[n,64] x, bool c) => (float[n,64] y) <float[64,64] A, float[64,64] D>
{ t = MatMul (x, A)  u = MatMul (t, A)
  y = If (c) <then_branch = th () => (float[n,64] r) <float[64,64] E> { r = MatMul (u, E) },
              else_branch = el () => (float[n,64] s) { s = MatMul (u, D) }> }
"""
CONSTANT = HEAD + "g (float[n,64] x) => (float[n,32] y, float[32,64] z) <float[32,64] z> " \
    "{ W = Constant <value = float[1] {0}> () y = MatMul (x, W) }"


def written(folder: Path, save, text: str, seed: int = 0) -> str:
    """Save the model with random weights, scaled as a net's are."""
    path, random = save(text), np.random.default_rng(seed)
    model = onnx.load(path)
    for node in model.graph.node:
        if node.op_type == "Constant":
            node.attribute[0].t.CopyFrom(numpy_helper.from_array(random.normal(0, 0.1, (64, 32)).astype(np.float32)))
    onnx.save(model, path)
    return path


def samples(count: int, width: int = 48, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {"x": (random.normal(size=(count, 6)) @ np.random.default_rng(9).normal(size=(6, width))).astype(np.float32)}


def outputs(path: str, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
    return ort.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, feed)


def data(folder: Path, count: int = 400, labels: np.ndarray | None = None) -> str:
    path = str(folder / "data.npz")
    np.savez(path, **samples(count), **({} if labels is None else {"labels": labels}))
    return path


def test_the_smallest_within_a_drop_on_labels(call, save, tmp_path) -> None:
    source = written(tmp_path, save, NET)
    labels = outputs(source, samples(900))[0].argmax(1)
    files, target, plan = data(tmp_path, 900, labels), str(tmp_path / "small.onnx"), str(tmp_path / "plan.toml")
    status, _, said = call("compress", source, "--data", files, "--max-drop", 0.02, "-o", target, "--save-recipe", plan)
    assert status == 0, said
    told = " ".join(said.split())
    assert "on fresh rows: top1 drops by" in told and ": confirmed with those that selected" in told
    assert "644 samples" in told, "the check looks at all rows that did not fit"
    fresh = samples(500, seed=3)
    agreement = np.mean(outputs(source, fresh)[0].argmax(1) == outputs(target, fresh)[0].argmax(1))
    assert agreement > 0.95 and os.path.getsize(target) < os.path.getsize(source) / 4
    again = str(tmp_path / "again.onnx")
    status, _, said = call("run", source, "--recipe", plan, "--data", files, "-o", again)
    assert status == 0, said
    assert Path(again).read_bytes() == Path(target).read_bytes()


def test_a_plan_gives_the_same_bytes_whatever_share_of_the_rows_a_drop_needs(call, save, tmp_path) -> None:
    source, files, plan = written(tmp_path, save, NET), data(tmp_path, 500), str(tmp_path / "plan.toml")
    made = [str(tmp_path / name) for name in ("first.onnx", "again.onnx")]
    words = ("--calibrate", files, "--check-time", 2)
    assert call("compress", source, *words, "--max-drop", 0.01, "--best-effort", "-o", made[0], "--save-recipe", plan)[0] == 0
    status, _, said = call("run", source, "--recipe", plan, *words, "--best-effort", "-o", made[1])
    assert status == 0 and "calibrated on 200 of 500" in said
    assert Path(made[0]).read_bytes() == Path(made[1]).read_bytes()


def test_a_goal_that_no_candidate_keeps_leaves_no_file(call, save, tmp_path) -> None:
    source, target = written(tmp_path, save, NET), str(tmp_path / "small.onnx")
    words = ("compress", source, "--calibrate", data(tmp_path), "--min-sqnr", 200, "-o", target)
    status, _, said = call(*words)
    assert status == 4 and "min-sqnr" in said and not os.path.exists(target)
    status, _, said = call(*words, "--best-effort")
    assert status == 0 and os.path.getsize(target) < os.path.getsize(source)


def test_what_8_bits_do_not_keep_is_kept_by_finer_steps_and_not_by_float16(call, save, tmp_path) -> None:
    source, target, plan = written(tmp_path, save, NET), str(tmp_path / "small.onnx"), str(tmp_path / "plan.toml")
    words = ("--calibrate", data(tmp_path, 60), "--min-sqnr", 66)
    status, _, said = call("compress", source, *words, "-o", target, "--save-recipe", plan)
    assert status == 0, said
    a, b = (outputs(p, samples(50))[0] for p in (source, target))
    assert 10 * np.log10((a**2).sum() / ((a - b) ** 2).sum()) > 65 and os.path.getsize(target) < 0.45 * os.path.getsize(source)
    assert '"A=0.00' in Path(plan).read_text()
    again = str(tmp_path / "again.onnx")
    assert call("run", source, "--recipe", plan, *words, "-o", again)[0] == 0 and Path(again).read_bytes() == Path(target).read_bytes()


@pytest.mark.parametrize("share", [0.1, 0.3, 0.4])
def test_a_size_is_met_from_below_and_floats_stay_where_there_is_room(share, call, save, tmp_path) -> None:
    source, (target, plan, again) = written(tmp_path, save, NET), (str(tmp_path / name) for name in ("small.onnx", "plan.toml", "2.onnx"))
    most = int(share * os.path.getsize(source))
    words, report = ("--calibrate", data(tmp_path, 300), "--no-check"), tmp_path / "report.json"
    assert call("compress", source, "--target-size", f"{most}B", *words, "-o", target, "--save-recipe", plan, "--report", report)[0] == 0
    front = next(step["front"] for step in json.loads(report.read_text())["steps"] if step.get("front"))
    forecast = next(tried["nbytes"] for tried in front if tried["kept"])
    made = os.path.getsize(target)
    assert most - max(0.02 * most, 150) < made <= most and 0.9 * most < forecast <= most and len(front) > 1
    assert all(tried["nbytes"] <= most for tried in front if tried["kept"])
    assert ('"a=32b"' in Path(plan).read_text()) == (share > 0.1)  # with 384 bytes to spare
    assert call("run", source, "--recipe", plan, *words, "-o", again)[0] == 0 and Path(again).read_bytes() == Path(target).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("text", [TIED, CONSTANT], ids=["tied, branches", "constant, output"])
def test_weights_wherever_they_are(text, save, tmp_path) -> None:
    source, target = written(tmp_path, save, text), str(tmp_path / "small.onnx")
    feed = samples(200, 64) | ({"c": np.array(True)} if "bool" in text else {})
    done = lightweight_cli.run(source, ["compress:ratio=1.5"], calibrate=[feed])
    done.save(target, check=False)
    assert done.steps[0].changed == text.count("MatMul") - text.count("(t, A)")
    assert all(np.allclose(a, b, atol=0.3 * np.abs(a).max()) for a, b in zip(outputs(source, feed), outputs(target, feed), strict=True))


def test_a_branch_that_the_data_take_is_searched_and_the_other_one_keeps_8_bits(save, tmp_path) -> None:
    source, target = written(tmp_path, save, TIED), str(tmp_path / "small.onnx")
    feed = samples(200, 64) | {"c": np.array(True)}
    done = lightweight_cli.run(source, ["compress:ratio=5"], calibrate=[feed])
    done.save(target, check=False)
    assert any("1 of 3 weights change no output on the data" in note for note in done.steps[0].notes)
    kept = next(m for m in done.steps[0].front if m.kept)
    assert kept.loss < 0.2 and os.path.getsize(target) <= os.path.getsize(source) / 5
    items = {name: parse(item, "") for name, _, item in (planned.partition("=") for planned in done.steps[0].plan["item"])}
    assert items["D"] == SAFE and items["1/E"].step > 0.06
    done = lightweight_cli.run(source, ["compress:ratio=9"], calibrate=[feed])
    assert any("not enough for the size" in note for note in done.steps[0].notes)
    assert "D=8b" not in done.steps[0].plan["item"]


def test_there_is_an_answer_however_little_time(call, save, tmp_path) -> None:
    source, target, plan = written(tmp_path, save, NET), str(tmp_path / "small.onnx"), str(tmp_path / "plan.toml")
    words = ("--calibrate", data(tmp_path), "--min-sqnr", 12)
    status, _, said = call("compress", source, *words, "--time-limit", 1e-3, "-o", target, "--save-recipe", plan)
    assert status == 0, said
    assert "the time was over: the best of 1 candidates" in " ".join(said.split())
    a, b = (outputs(p, samples(50))[0] for p in (source, target))
    assert "8 bits" in said, said
    assert 10 * np.log10((a**2).sum() / ((a - b) ** 2).sum()) > 15 and os.path.getsize(target) < os.path.getsize(source) / 2
    again = str(tmp_path / "again.onnx")
    assert call("run", source, "--recipe", plan, *words, "-o", again)[0] == 0
    assert Path(again).read_bytes() == Path(target).read_bytes()


@pytest.mark.slow
def test_without_data_a_floor_holds(call, save, tmp_path) -> None:
    source, target = written(tmp_path, save, NET), str(tmp_path / "small.onnx")
    status, _, said = call("compress", source, "--min-sqnr", 25, "-o", target)
    assert status == 0, said
    a, b = (outputs(p, samples(50))[0] for p in (source, target))
    assert 10 * np.log10((a**2).sum() / ((a - b) ** 2).sum()) > 9 and os.path.getsize(target) < os.path.getsize(source) / 3


@pytest.mark.parametrize(("words", "expected"), [
    (("--target-size", "1MB", "--ratio", "3"), "give one of them"), (("--target-size", "much"), "must be a size"),
    (("--ratio", "1"), "more than 1"), (("--item", "A"), "NAME=STEP"), (("--item", "A=0"), "must be a step"),
])
def test_what_can_not_be_meant_is_refused(words, expected, call, save, tmp_path) -> None:
    status, _, said = call("compress", written(tmp_path, save, NET), *words, "-o", str(tmp_path / "o.onnx"))
    assert status == 2 and expected in said


def test_a_plan_of_another_model_is_refused(call, save, tmp_path) -> None:
    source = written(tmp_path, save, NET)
    status, _, said = call("compress", source, "--item", "Z=0.5", "--calibrate", data(tmp_path), "-o", str(tmp_path / "o.onnx"))
    assert status == 2 and "has no --item" in said


def test_a_candidate_has_the_size_of_the_forms_that_may_be_decoded(call, save, tmp_path) -> None:
    wide = HEAD + "g (float[n,48] x) => (float[n,256] y) <float[48,256] A, float[256,256] B> { t = MatMul (x, A)  y = MatMul (t, B) }"
    source, files = written(tmp_path, save, wide), data(tmp_path, 60)
    words = ("compress", source, "--calibrate", files, "--target-size", "12%", "--check-time", 1)
    sizes = []
    for memory in ("400KB", "4MB"):  # as much as bytes take, and as much as splits do
        target, report = str(tmp_path / f"{memory}.onnx"), tmp_path / "report.json"
        status, _, said = call(*words, "--load-memory", memory, "-o", target, "-f", "--report", report, "--best-effort")
        assert status == 0, said
        front = json.loads(report.read_text())["steps"][-1]["front"]
        size = next(c["nbytes"] for c in front if c["kept"])
        assert abs(size - os.path.getsize(target)) < 0.02 * size, "what the search chose is what is written"
        assert size <= 0.12 * os.path.getsize(source)
        operators = {n.op_type for n in onnx.load(target).graph.node}
        sizes.append("CumSum" in operators)
    assert sizes == [False, True]
