"""Python: what the command line promises, in Python's words; the examples of the documentation run."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import onnx
import pytest

import lightweight_cli as lwc

ROOT = Path(__file__).resolve().parents[1]
MODEL = ROOT / "sample_models/cancer_mlp"
DATA = str(MODEL / "eval.npz")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "model.onnx").symlink_to(MODEL / "model.onnx")
    (tmp_path / "val.npz").symlink_to(MODEL / "eval.npz")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def quantized() -> lwc.Result:
    return lwc.run("model.onnx", ["quantize:bits=4"])


def test_the_examples_run(folder, capsys):
    code = re.findall(r"```python\n(.*?)```", (ROOT / "docs/python.md").read_text(), re.DOTALL)
    exec("\n".join(code), {})
    out = capsys.readouterr().out
    assert out.startswith("written <Accuracy: ") and (folder / "small.onnx").exists() and (folder / "int4.onnx").exists()
    assert "quantize:bits=4 {'bits': 4, " in out and "'granularity': 'block'" in out


def test_save_keeps_the_promises(folder):
    report = quantized().save("out.onnx", DATA, max_drop=0.05, max_size="1MB")
    assert report.status == "written" and [g.name for g in report.gates] == ["max-drop", "max-size"]
    assert report.accuracy is not None and report.accuracy.metric is not None
    onnx.checker.check_model(str(folder / "out.onnx"))
    assert re.fullmatch(r"<Report: written, model\.onnx [\d.]+ KB -> out\.onnx [\d.]+ KB>", repr(report))
    with pytest.raises(lwc.UsageError, match="out.onnx: exists; force=True replaces it"):
        quantized().save("out.onnx")
    with pytest.raises(lwc.UsageError, match="is the input itself; force=True replaces it"):
        quantized().save("model.onnx")


def test_a_gate_that_fails_writes_nothing(folder):
    before = sorted(folder.iterdir())
    with pytest.raises(lwc.GateError, match=r"^min_sqnr 500 dB: the result has [\d.]+; no model was written$") as caught:
        quantized().save("out.onnx", DATA, min_sqnr=500)
    assert sorted(folder.iterdir()) == before and caught.value.exit_code == 4
    with pytest.raises(lwc.GateError, match=r"^min_sqnr 500 dB: the result has [\d.]+$"):
        quantized().check(DATA, min_sqnr=500)
    with pytest.raises(lwc.GateError, match="max_drop 0.1 can't be evaluated: no data"):
        quantized().check(max_drop=0.1)


def test_check_then_save_checks_once(folder, monkeypatch):
    result = quantized()
    found = result.check(DATA, max_drop=0.05)
    monkeypatch.setattr("lightweight_cli.checking.judge.judge", lambda *a, **k: pytest.fail("checked again"))
    report = result.save("out.onnx")
    assert report.accuracy is found is result.accuracy and report.status == "written"
    assert quantized().save("other.onnx", check=False).check_skipped == "check=False"


def test_arrays_are_data(folder):
    batch = np.load(DATA)
    names = [n for n in batch.files if n != "labels"]
    feeds = [{n: batch[n][:40] for n in names}, {n: batch[n][40:60] for n in names}]
    found = quantized().check(feeds, labels=batch["labels"][:60])
    assert found.samples == 60 and not found.synthetic and found.metric is not None and found.metric.samples == 60
    assert lwc.verify("model.onnx", "model.onnx", feeds).agreement == 1.0
    assert lwc.verify("model.onnx", "model.onnx", "val.npz").metric.drop == 0


def test_nothing_to_gain_is_unchanged(folder):
    report = lwc.run("model.onnx", ["dedupe"]).save("out.onnx")
    assert report.status == "unchanged" and (folder / "out.onnx").read_bytes() == (folder / "model.onnx").read_bytes()


def test_a_proto_is_a_model(folder):
    proto = onnx.load("model.onnx")
    before = proto.SerializeToString()
    assert lwc.run(proto, ["quantize"]).save("out.onnx").status == "written"
    assert proto.SerializeToString() == before


@pytest.mark.parametrize(("error", "said", "options"), [
    (lwc.UsageError, r"option 'max_dorp' is unknown \(did you mean max_drop\?\)", {"max_dorp": 1}),
    (lwc.UsageError, "min_agreement 99: must be from 0 to 1", {"min_agreement": 99}),
    (lwc.UsageError, "max_drop much: must be a number", {"max_drop": "much"}),
    (lwc.UsageError, "samples 2.5: must be a whole number", {"samples": 2.5}),
    (lwc.UsageError, "metric top1: needs data", {"metric": "top1"}),
    (lwc.UsageError, 'metric "beauty" is unknown', {"metric": "beauty", "data": DATA}),
    (lwc.InputError, "gone.npz: no such file", {"data": "gone.npz"}),
])
def test_errors_speak_python(folder, error, said, options):
    with pytest.raises(error, match=said) as caught:
        quantized().save("out.onnx", **options)
    assert "--" not in str(caught.value) and "\n" not in str(caught.value) and not (folder / "out.onnx").exists()


def test_errors_of_steps_speak_python(folder):
    with pytest.raises(lwc.UsageError, match="^prune: give exactly one of threshold, relative, sparsity, keep_top, l1 and pattern N:M$"):
        lwc.run("model.onnx", ["prune"])
    with pytest.raises(lwc.UsageError, match=r"^step 'share:block-size=7': block_size 7: must be at least 8 and at most 4096$"):
        lwc.run("model.onnx", ["share:block-size=7"])
    with pytest.raises(lwc.InputError, match="^a--b.onnx: no such file$"):
        lwc.run("a--b.onnx", [])


def test_the_module_tells_what_it_has():
    assert dir(lwc) == sorted(dir(lwc)) and set(lwc.__all__) <= set(dir(lwc)) and "errors" not in dir(lwc)
    assert all(getattr(lwc, name) for name in lwc.__all__)
    assert (Path(lwc.__file__).parent / "py.typed").exists()
    assert issubclass(lwc.GateError, lwc.LwcError) and issubclass(lwc.DataError, lwc.InputError)


def test_short_forms_and_notebooks(folder):
    result = quantized()
    assert re.fullmatch(r"<Result: quantize:bits=4; [\d.]+ KB -> [\d.]+ KB>", repr(result))
    found = result.check(DATA)
    assert re.fullmatch(r"<Accuracy: \d+ samples, SQNR [\d.]+ dB, agreement [\d.]+ %, \w+ [\d.]+ -> [\d.]+>", repr(found))
    page = result._repr_html_()
    assert "<code>quantize:bits=4</code>" in page and "4 bits, scale per block" in page and found._repr_html_() in page
    hostile = lwc.Accuracy(True, 1, 1, ()).__class__(True, 1, 1, (), unverified="<script>")
    assert "<script>" not in hostile._repr_html_() and "values not compared" in repr(hostile)
