"""`lwc verify REFERENCE CANDIDATE...`: several candidates as one table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lightweight_cli.cli.quick import read


@pytest.fixture
def candidates(call, tmp_path: Path, mlp: str) -> Path:
    for bits in ("8", "4"):
        assert call("quantize", "model.onnx", "--bits", bits, "-o", f"q{bits}.onnx", "--no-check", "-q")[0] == 0
    return tmp_path


def test_a_row_for_each(call, candidates: Path) -> None:
    status, out, error = call("verify", "model.onnx", "q8.onnx", "q4.onnx", "--report", "r.json", "--report", "r.md")
    assert status == 0 and out == b"" and [error.count(f"  q{bits}.onnx ") for bits in (8, 4)] == [1, 1], error
    found = json.loads((candidates / "r.json").read_text())
    assert [c["output"] for c in found["candidates"]] == ["q8.onnx", "q4.onnx"]
    worst = [c["accuracy"]["outputs"][0]["sqnr"] for c in found["candidates"]]
    assert worst[0] > worst[1] and f"{worst[0]:.1f} dB" in error and f"{worst[1]:.1f} dB" in error
    assert "| `q8.onnx` |" in (candidates / "r.md").read_text()


def test_gates_are_held_for_each(call, candidates: Path) -> None:
    status, out, error = call("verify", "model.onnx", "q8.onnx", "q4.onnx", "--min-sqnr", "30", "--json", "-q")
    assert status == 4 and "q4.onnx: min-sqnr 30 dB: the result has" in error and "q8.onnx" not in error and error.count("\n") == 1
    assert [c["status"] for c in json.loads(out)["candidates"]] == ["verified", "rejected"]


def test_one_that_is_broken_leaves_the_others_their_rows(call, candidates: Path, save) -> None:
    save('<ir_version: 8, opset_import: ["" : 17]> g (float[N,64] z) => (float[N,10] y) <float[64,10] W> { y = MatMul (z, W) }', "odd.onnx")
    status, _, error = call("verify", "model.onnx", "odd.onnx", "q8.onnx")
    assert status == 3 and "  q8.onnx " in error and 'lwc: error: odd.onnx: has another interface: inputs lost "x"' in error
    assert call("verify", "model.onnx", "odd.onnx")[0] == 3


def test_a_page_is_of_one_candidate(call, candidates: Path) -> None:
    status, _, error = call("verify", "model.onnx", "q8.onnx", "q4.onnx", "--report", "r.html")
    assert status == 2 and "an HTML report is of one candidate" in error
    assert call("verify", "model.onnx", "q8.onnx", "--report", "r.html", "-q")[0] == 0


def test_the_words_are_read_either_way() -> None:
    found = read(["verify", "a", "b", "--seed", "1", "c"])
    assert found is not None and (found[1]["reference"], found[1]["candidate"]) == ("a", ["b", "c"])
    assert read(["verify", "a"]) is None and read(["strip", "a", "b"]) is None
