"""--calibrate, --data and --samples: what chooses, what judges, and that they never overlap."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import lightweight_cli
from lightweight_cli.data.portion import Portion
from lightweight_cli.pipeline import registry
from lightweight_cli.pipeline.context import Context

SEEN: list[Portion | None] = []


@pytest.fixture(autouse=True)
def probe() -> Iterator[None]:
    """Two passes that say what data they were handed; one says that it can use them."""
    def note(context: Context) -> int:
        """Note the data.

        Lossless. Returns: nothing.
        """
        SEEN.append(context.portion)
        return 0

    for name, able in (("probe", True), ("blind", False)):
        note.__name__ = name
        registry.register(lossy=False, unit="x", calibrates=lambda options, able=able: able)(note)  # type: ignore[misc]
    SEEN.clear()
    yield
    for name in ("probe", "blind"):
        del registry.PASSES[name]


@pytest.fixture
def data(tmp_path: Path) -> None:
    x = np.random.default_rng(0).standard_normal((90, 64)).astype(np.float32)
    np.savez(tmp_path / "a.npz", x=x, labels=np.arange(90) % 10)
    np.savez(tmp_path / "b.npz", x=x[:40])


def judged(tmp_path: Path) -> int:
    return int(json.loads((tmp_path / "r.json").read_text())["accuracy"]["samples"])


CASES = [
    ("probe", ["--data", "a.npz"], Portion(("a.npz",), "calibrate"), 60),
    ("blind", ["--data", "a.npz"], None, 90),
    ("probe", ["--data", "a.npz", "--calibrate", "b.npz"], Portion(("b.npz",), "all"), 90),
    ("probe", ["--data", "a.npz", "--calibrate", "b.npz", "--samples", "7"], Portion(("b.npz",), "all", 7), 7),
    ("probe", ["--data", "a.npz", "--samples", "7", "--seed", "3"], Portion(("a.npz",), "calibrate", 7, 3), 7),
    ("probe", ["--calibrate", "a.npz", "--calibrate", "b.npz"], Portion(("a.npz", "b.npz"), "all"), None),
    ("blind", ["--calibrate", "b.npz"], None, None),
    ("probe", ["--calibrate", "b.npz", "--calibration-memory", "1GB"], Portion(("b.npz",), "all", memory=10**9), None),
    ("probe", [], Portion(()), 16),
    ("blind", [], None, 16),
    ("probe", ["--no-check"], None, None),
]


@pytest.mark.parametrize(("name", "words", "portion", "samples"), CASES)
def test_what_chooses_and_what_judges(call, mlp, data, tmp_path, name, words, portion, samples):
    status, _, said = call("run", mlp, "-p", name, "-p", "strip", *words, "-o", "out.onnx", "--report", "r.json")
    assert status == 0, said
    assert SEEN == [portion]
    assert samples is None or judged(tmp_path) == samples


def test_calibration_without_the_check(call, mlp, data):
    status, _, said = call("run", mlp, "-p", "probe", "--calibrate", "b.npz", "--no-check", "-o", "out.onnx")
    assert status == 0 and SEEN == [Portion(("b.npz",), "all")], said


@pytest.mark.parametrize(("words", "status", "line"), [
    (["--calibrate", "none.npz"], 3, "none.npz: no such file or folder"),
    (["--samples", "0"], 2, "--samples 0: must be at least 1"),
    (["--calibration-memory", "x"], 2, 'size "x" is not understood; write it like 300KB, 5MB or 1.5GiB'),
])
def test_what_cannot_be_fails_before_the_work(call, mlp, data, words, status, line):
    got, _, said = call("run", mlp, "-p", "probe", *words, "-o", "out.onnx")
    assert got == status and said == f"lwc: error: {line}\n" and not SEEN


def test_from_python(mlp, data, tmp_path):
    lightweight_cli.run(mlp, ["probe"], calibrate=tmp_path / "b.npz", samples=5)
    lightweight_cli.run(mlp, ["probe"], calibrate=[{"x": np.ones((3, 64), np.float32)}])
    lightweight_cli.run(mlp, ["probe"])
    assert SEEN[0] == Portion((str(tmp_path / "b.npz"),), "all", 5) and SEEN[1] is not None and SEEN[2] == Portion(())
    assert [p.rpartition("/")[2] for p in SEEN[1].paths] == ["0.npz"]


def test_a_recipe_that_can_not_be_saved_is_refused_before_the_work(call, save, tmp_path):
    source = save('<ir_version: 8, opset_import: ["" : 17]> g (float[n,64] x) => (float[n,64] y) <float[64,64] W> { y = MatMul (x, W) }')
    target = tmp_path / "o.onnx"
    status, _, said = call("strip", source, "-o", str(target), "--save-recipe", str(tmp_path / "nowhere" / "plan.toml"))
    assert status == 5 and "no such folder" in said and not target.exists()
    plan = tmp_path / "plan.toml"
    assert call("prune", source, "--sparsity", 0.5, "-o", str(target), "--save-recipe", str(plan))[0] == 0
    again = tmp_path / "again.onnx"
    assert call("run", source, "--recipe", str(plan), "-o", str(again))[0] == 0
    assert again.read_bytes() == target.read_bytes()
