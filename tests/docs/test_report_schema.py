"""Reports are what docs/report.schema.json says, and it is what the records say."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jsonschema
import pytest

from lightweight_cli.pipeline.step_report import Measured

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "sample_models/cancer_mlp"


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads((ROOT / "docs/report.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_schema_is_made_from_the_records(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    import report_schema

    try:
        assert json.loads((ROOT / "docs/report.schema.json").read_text()) == report_schema.schema(), "make docs"
    finally:
        del sys.modules["report_schema"]


def test_a_candidate_of_a_search_has_what_the_schema_says(validator):
    fronts = [part["front"]["items"] for part in _parts(validator.schema) if "front" in part]
    measured = [items for items in fronts if "loss" in items["properties"]]
    assert measured and all(set(items["properties"]) == set(items["required"]) == set(Measured._fields) for items in measured)


def _parts(schema):
    """Yield the properties of every object in a schema."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield schema["properties"]
        for part in schema.values():
            yield from _parts(part)


@pytest.mark.parametrize(("words", "status", "code"), [
    (["quantize", "MODEL", "--bits", "4", "-o", "out.onnx", "--data", "DATA", "--max-drop", "0.5", "--max-size", "1MB"], "written", 0),
    (["quantize", "MODEL", "-o", "out.onnx", "--min-sqnr", "500", "--max-drop", "1", "--data", "DATA"], "rejected", 4),
    (["run", "MODEL", "-p", "prune:sparsity=0.5", "-p", "share:bits=3", "-p", "strip", "-o", "out.onnx", "--no-check"], "written", 0),
    (["dedupe", "MODEL", "-o", "out.onnx"], "unchanged", 0),
    (["verify", "MODEL", "MODEL", "--min-sqnr", "20"], "verified", 0),
    (["verify", "MODEL", "MODEL", "--min-sqnr", "20", "--max-size", "1KB"], "rejected", 4),
])
def test_reports_follow_it(call, tmp_path, validator, words, status, code):
    places = {"MODEL": MODEL / "model.onnx", "DATA": MODEL / "eval.npz"}
    got, out, error = call(*(places.get(w, w) for w in words), "--report", "r.json", "--report", "-", "-q")
    assert got == code, error
    data = json.loads((tmp_path / "r.json").read_text())
    validator.validate(data)
    assert json.loads(out) == data and data["status"] == status
    assert [len(str(data[name])) for name in ("source_sha256", "output_sha256")] == [64, 64]


def test_several_candidates_are_a_report_each(call, tmp_path, validator):
    status, out, error = call("verify", MODEL / "model.onnx", MODEL / "model.onnx", MODEL / "model.onnx", "--report", "-", "-q")
    data = json.loads(out)
    validator.validate(data)
    assert status == 0 and [c["status"] for c in data["candidates"]] == ["verified"] * 2, error
    data["candidates"][1]["status"] = "fine"
    assert list(validator.iter_errors(data))


def test_what_a_report_of_a_step_holds(call, tmp_path, validator):
    import hashlib

    call("quantize", MODEL / "model.onnx", "--bits", "4", "-o", "out.onnx", "--data", MODEL / "eval.npz", "--report", "r.json", "-q")
    data = json.loads((tmp_path / "r.json").read_text())
    validator.validate(data)
    (step,) = data["steps"]
    expected = {"bits": 4, "granularity": "block", "block_size": 32, "asymmetric": False, "exclude": []}
    assert step["pass"] == "quantize" and step["options"] | expected == step["options"], "what took effect, defaults too"
    assert 0 < step["options"]["keep"] < 1, "the default depends on the bits"
    assert data["check"]["data"] == [str(MODEL / "eval.npz")] and data["accuracy"]["samples"] > 0 and data["check"]["seed"] == 0
    assert data["source_sha256"] == hashlib.sha256((MODEL / "model.onnx").read_bytes()).hexdigest()
    assert data["output_sha256"] == hashlib.sha256((tmp_path / "out.onnx").read_bytes()).hexdigest()
    assert set(data["environment"]) == {"python", "onnxruntime", "onnx", "numpy", "platform", "machine", "cpus"}
    assert all(data["environment"].values())


def test_what_the_schema_refuses(validator, call, tmp_path):
    call("dedupe", MODEL / "model.onnx", "-o", "out.onnx", "--no-check", "--report", "r.json", "-q")
    data = json.loads((tmp_path / "r.json").read_text())
    lacking = {k: v for k, v in data.items() if k != "gates"}
    for broken in (lacking, {**data, "status": "fine"}, {**data, "more": 1}, {**data, "ratio": "inf"}):
        assert list(validator.iter_errors(broken))
