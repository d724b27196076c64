"""`lwc sensitivity`: the table, its JSON, the list to paste, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "sample_models/fashion_cnn"


def test_table_json_and_pages_say_the_same(call, tmp_path: Path) -> None:
    words = ["sensitivity", MODEL / "model.onnx", "--calibrate", MODEL / "calib.npz", "-q", "--samples", "12"]
    status, out, error = call(*words, "--json", "--report", "s.html", "--report", "s.md")
    assert status == 0 and error == ""
    found = json.loads(out)
    jsonschema.validate(found, json.loads((ROOT / "docs/sensitivity.schema.json").read_text()))
    assert (found["samples"], found["synthetic"], found["bits"], found["complete"]) == (12, False, 4, True)
    losses = [next(e["sqnr"] for e in w["effects"] if (e["kind"], e["amount"]) == ("bits", 4)) for w in found["weights"]]
    assert losses == sorted(losses) and all(len(w["effects"]) == 8 for w in found["weights"])
    for weight in found["weights"]:
        by_bits = {e["amount"]: e["sqnr"] for e in weight["effects"] if e["kind"] == "bits"}
        assert by_bits[8] > by_bits[4] > by_bits[2]
    page, text = ((tmp_path / n).read_text() for n in ("s.html", "s.md"))
    assert page.count("<svg") == 9 * len(losses) and all(w["name"] in page and w["name"] in text for w in found["weights"])

    status, table, error = call(*words[:-3], "--samples", "12", "--bits", "4")
    assert status == 0
    rows = table.decode().splitlines()
    assert rows[2].split()[:3] == ["weight", "op", "shape"] and [r.split()[0] for r in rows[3 : 3 + len(losses)]] == [
        w["name"] for w in found["weights"]]
    assert f"{losses[0]:.1f}" in rows[3].split()
    assert rows[-1].strip() == found["options"] if found["options"] else "would have to stay out" in rows[-1] or not found["exclude"]


def test_the_list_can_be_pasted(call, tmp_path: Path) -> None:
    status, out, _ = call("sensitivity", MODEL / "model.onnx", "--calibrate", MODEL / "calib.npz", "--bits", "2", "--json", "-q",
                          "--only", "op:Conv", "--samples", "4")
    found = json.loads(out)
    assert status == 0 and found["exclude"] and {w["op"] for w in found["weights"]} == {"Conv"}
    words = [w for p in found["exclude"] for w in ("--exclude", p)]
    assert call("quantize", MODEL / "model.onnx", "-o", "o.onnx", "--no-check", "-q", *words)[0] == 0


def test_without_data_and_without_time(call, save) -> None:
    save('<ir_version: 10, opset_import: ["": 18]> g (float[N,16] x) => (float[N,8] y) <float[16,16] W, float[16,8] V> {'
         " a = MatMul (x, W) b = Relu (a) y = MatMul (b, V) }", "model.onnx")
    status, out, _ = call("sensitivity", "model.onnx", "--json", "-q", "--time-limit", "1e-9")
    found = json.loads(out)
    assert status == 0 and found["synthetic"] and not found["complete"]
    assert [[(e["kind"], e["amount"]) for e in w["effects"]] for w in found["weights"]] == [[("bits", 4)]] * 2
    again, text, _ = call("sensitivity", "model.onnx", "-q", "--time-limit", "1e-9")
    assert again == 0 and b"synthetic inputs: give --calibrate" in text and b"the time was over" in text


@pytest.mark.parametrize(("words", "status", "said"), [
    (["--bits", "5"], 2, "--bits 5: must be 8, 6, 4, 3, 2"), (["--samples", "0"], 2, "--samples 0: must be at least 1"),
    (["--time-limit", "0"], 2, "--time-limit 0: must be above 0"), (["--calibrate", "none.npz"], 3, "none.npz"),
    (["--only", "nothing"], 2, "--only nothing: matches no weight"), (["--report", "-"], 2, "report -: standard output is"),
    (["--threads", "0"], 2, "--threads 0: must be from 1 to")])
def test_what_cannot_be_is_refused_before_the_work(call, mlp: str, words: list[str], status: int, said: str) -> None:
    got, out, error = call("sensitivity", "model.onnx", "-q", *words)
    assert (got, out, error.count("\n")) == (status, b"", 1) and said in error


def test_data_that_does_not_fit(call, mlp: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "bad.npz", x=np.zeros((4, 3), np.float32))
    status, out, error = call("sensitivity", "model.onnx", "--calibrate", "bad.npz", "-q")
    assert (status, out, error.count("\n")) == (3, b"", 1) and '"x"' in error
