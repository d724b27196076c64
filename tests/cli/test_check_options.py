"""Options of the check: what they ask for, and what is refused before any work."""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lightweight_cli.checking.gates import NO_DATA
from lightweight_cli.data.peek import has_labels, keys
from lightweight_cli.errors import InputError
from lightweight_cli.pipeline import registry

QUANTIZE = ("quantize", "model.onnx", "-o", "out.onnx")


@pytest.fixture
def data(tmp_path: Path, mlp: str) -> Path:
    random = np.random.default_rng(0)
    np.savez(tmp_path / "bare.npz", x=random.standard_normal((40, 64)).astype(np.float32))
    np.savez(tmp_path / "val.npz", x=random.standard_normal((40, 64)).astype(np.float32), labels=random.integers(0, 10, 40))
    np.savez(tmp_path / "other.npz", x=random.standard_normal((40, 64)).astype(np.float32), labels=np.array(["?"] * 39))
    return tmp_path


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `quantize` fail if it is called."""
    @functools.wraps(registry.get("quantize").function)
    def function(*_: Any, **__: Any) -> int:
        raise AssertionError("the pass ran")

    monkeypatch.setitem(registry.PASSES, "quantize", registry.get("quantize")._replace(function=function))


@pytest.mark.parametrize(("options", "why"), [
    (("--max-drop", "0.1"), "max-drop 0.1 can't be evaluated: no data"),
    (("--min-agreement", "0.9"), f"min-agreement 0.9 can't be evaluated: {NO_DATA}"),
    (("--max-drop", "0.1", "--data", "bare.npz"), "max-drop 0.1 can't be evaluated: no labels"),
    (("--max-drop", "0.1", "--data", "data_set"), "max-drop 0.1 can't be evaluated: no labels")])
def test_gates_that_nothing_can_evaluate_fail_before_the_work(call, data: Path, no_work: None, options: tuple[str, ...], why: str) -> None:
    (data / "data_set").mkdir()
    status, _, error = call(*QUANTIZE, *options)
    assert (status, error) == (4, f"lwc: error: {why}; nothing was done\n") and not (data / "out.onnx").exists()


def test_sqnr_of_integers_fails_before_the_work(call, save, tmp_path: Path, no_work: None) -> None:
    save('<ir_version: 8, opset_import: ["" : 17]> g (float[N,64] x) => (int64[N] y) <float[64,8] W> '
         "{ a = MatMul (x, W)  y = ArgMax <axis = 1, keepdims = 0> (a) }")
    status, _, error = call(*QUANTIZE, "--min-sqnr", "30")
    assert status == 4 and "min-sqnr 30 can't be evaluated: the model has no float output; nothing was done" in error


def test_a_model_too_large_to_time_fails_before_the_work(call, data: Path, no_work: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from lightweight_cli.checking import turns

    monkeypatch.setattr(turns, "BOTH_LOADED", 1000)
    status, _, error = call(*QUANTIZE, "--max-slowdown", "2")
    assert status == 4 and "max-slowdown 2 can't be evaluated: the original alone has 0 MiB" in error


def test_a_metric_without_labels_fails_before_the_work(call, data: Path, no_work: None) -> None:
    status, _, error = call(*QUANTIZE, "--metric", "top1", "--data", "bare.npz")
    assert status == 3 and "metric top1 needs labels, and the data has none" in error


def test_labels_may_be_ignored(call, data: Path) -> None:
    assert call(*QUANTIZE, "--data", "other.npz")[0] == 3
    status, _, error = call(*QUANTIZE, "--data", "other.npz", "--no-labels", "--report", "r.json")
    assert status == 0, error
    assert json.loads((data / "r.json").read_text())["accuracy"]["metric"] is None


@pytest.mark.parametrize(("options", "why"), [
    (("--no-labels", "--data", "val.npz", "--max-drop", "1"), "--no-labels: --max-drop needs labels"),
    (("--no-labels", "--data", "val.npz", "--metric", "top1"), "--no-labels: --metric needs labels"),
    (("--confident",), "--confident: says how --max-drop is held"),
    (("--batch-size", "4"), "--batch-size 4: needs --data"),
    (("--batch-size", "0", "--data", "val.npz"), "--batch-size 0: must be at least 1"),
    (("--threads", "0"), "--threads 0: must be from 1 to 1,024"), (("--check-time", "0"), "--check-time 0: must be above 0"),
    (("--check-time", "nan"), "--check-time nan: must be above 0"), (("--check-time", "soon"), "--check-time soon: must be a number")])
def test_what_can_not_be_asked(call, data: Path, no_work: None, options: tuple[str, ...], why: str) -> None:
    status, _, error = call(*QUANTIZE, *options)
    assert status == 2 and why in error and error.count("\n") == 1


def test_batch_size_threads_and_time_reach_the_check(call, data: Path) -> None:
    asked = ("--batch-size", "10", "--threads", "1", "--check-time", "inf")
    status, _, error = call(*QUANTIZE, "--data", "bare.npz", *asked, "--report", "r.json")
    assert status == 0, error
    report = json.loads((data / "r.json").read_text())
    assert report["accuracy"]["batches"] == 4 and report["accuracy"]["latency"]["threads"] == 1
    assert (report["check"]["budget"], report["check"]["batch_size"], report["check"]["threads"]) == (None, 10, 1)


def test_a_confident_drop_is_the_end_of_the_interval(call, data: Path) -> None:
    options = (*QUANTIZE, "-f", "--data", "val.npz", "--report", "r.json")
    assert call(*options)[0] == 0
    metric = json.loads((data / "r.json").read_text())["accuracy"]["metric"]
    assert metric["drop"] < metric["high"]
    between = str((metric["drop"] + metric["high"]) / 2)
    assert call(*options, "--max-drop", between)[0] == 0
    status, _, error = call(*options, "--max-drop", between, "--confident")
    assert status == 4 and f"the result has {metric['high']:.4g}" in error


def test_keys_are_read_without_the_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.zeros(3), labels=np.array([{}], object))  # an array that would not load
    np.save(tmp_path / "d.npy", np.zeros(3))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "d.npz").read_bytes()[:-30])
    path = str(tmp_path / "d.npz")
    assert keys(path) == ["x", "labels"] and has_labels([path], ["x"]) and not has_labels([path], ["x", "labels"])
    assert not has_labels([str(tmp_path / "d.npy"), str(tmp_path)], ["x"]) and has_labels(["reader.py:feeds"], ["x"])
    with pytest.raises(InputError, match="damaged"):
        (tmp_path / "odd.npz").write_bytes(b"PK\x05\x06" + b"\xff" * 18)
        keys(str(tmp_path / "odd.npz"))


def test_no_warning_reaches_stderr(lwc, tmp_path: Path, save) -> None:
    save('<ir_version: 8, opset_import: ["" : 17]> g (float[N,64] x) => (float[N,8] y) <float[64,8] W> '
         "{ a = MatMul (x, W)  b = Log (a)  y = Mul (b, b) }")
    (tmp_path / "reader.py").write_text(
        "import warnings, numpy as np\n"
        "def feeds():\n"
        "    warnings.warn('from a reader')\n"
        "    yield {'x': np.full((2, 64), 1e300).astype(np.float32)}\n")
    done = lwc(*QUANTIZE, "--data", "reader.py:feeds", PYTHONWARNINGS="always")
    assert done.returncode == 0 and b"arning" not in done.stderr, done.stderr
    assert os.path.exists(tmp_path / "out.onnx")
