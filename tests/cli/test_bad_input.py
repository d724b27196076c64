"""Bad input: one line that names it, the exit status of its kind, no file left, earlier files untouched."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest

PRUNE = ("prune", "model.onnx", "--sparsity", "0.5")


@pytest.fixture
def refused(call, tmp_path, mlp):
    """Run lwc with an existing output in the folder; it fails, says so in one line, and leaves all as it was."""

    def run(*words: object) -> tuple[int, str]:
        (tmp_path / "earlier.onnx").write_bytes(b"what was here before")
        before = {p: p.read_bytes() if p.is_file() and os.access(p, os.R_OK) else None for p in tmp_path.rglob("*")}
        status, out, error = call(*words)
        after = {p: p.read_bytes() if p.is_file() and os.access(p, os.R_OK) else None for p in tmp_path.rglob("*")}
        assert after == before, "a file was made, changed or lost"
        assert out == b"" and "Traceback" not in error and "\x1b" not in error
        assert error.startswith("lwc: error: ") and error.endswith("\n") and error.count("\n") == 1, error
        assert len(error) < 600
        return status, error

    return run


def made_of(data: bytes) -> dict[str, bytes]:
    return {
        "empty": b"",
        "text": b"This is not a model.\n" * 50,
        "cut off": data[: len(data) // 2],
        "cut off at the start": data[:20],
        "tail": data[len(data) // 2 :],
        "zeros": bytes(5000),
        "noise": np.random.default_rng(0).bytes(5000),
        "two models": data + data,
        "zip": b"PK\x03\x04" + bytes(500),
        "html": b"<!DOCTYPE html><html><body>404</body></html>",
        "json": b'{"a": 1}',
    }


@pytest.mark.parametrize("kind", made_of(b""))
@pytest.mark.parametrize("command", [("prune", "--sparsity", "0.5"), ("strip",), ("fold",)])
def test_files_that_are_no_model(refused, tmp_path, kind, command):
    (tmp_path / "bad.onnx").write_bytes(made_of((tmp_path / "model.onnx").read_bytes())[kind])
    status, error = refused(command[0], "bad.onnx", *command[1:], "-o", "out.onnx")
    assert status == 3 and "bad.onnx" in error


@pytest.mark.parametrize("kind", ["empty", "text", "cut off", "noise"])
def test_standard_input_that_is_no_model(lwc, tmp_path, mlp, kind):
    data = made_of(Path(mlp).read_bytes())[kind]
    done = lwc("strip", "-o", "out.onnx", stdin=data)
    assert done.returncode == 3 and done.stdout == b"" and done.stderr.startswith(b"lwc: error: standard input: ")
    assert done.stderr.count(b"\n") == 1 and not (tmp_path / "out.onnx").exists()


def test_no_such_model(refused):
    assert refused("prune", "missing.onnx", "--sparsity", "0.5", "-o", "out.onnx") == (3, "lwc: error: missing.onnx: no such file\n")
    for other in (".", "model.onnx/x"):
        assert refused("prune", other, "--sparsity", "0.5", "-o", "out.onnx")[0] == 3


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("prune", "model.onnx", "-o", "out.onnx"), "exactly one of --threshold, --relative, --sparsity"),
        ((*PRUNE, "--threshold", "1", "-o", "out.onnx"), "exactly one of"),
        ((*PRUNE[:3], "1.5", "-o", "out.onnx"), "--sparsity 1.5: must be more than 0 and at most 1"),
        ((*PRUNE[:3], "half", "-o", "out.onnx"), "--sparsity half: must be a number"),
        ((*PRUNE[:3], "nan", "-o", "out.onnx"), "--sparsity nan"),
        ((*PRUNE, "--scope", "layer", "-o", "out.onnx"), "--scope layer: must be tensor, global, lamp or sensitivity"),
        (("quantize", "model.onnx", "--bits", "3.5", "-o", "out.onnx"), "--bits 3.5: must be a whole number"),
        (("quantize", "model.onnx", "--bits", "99", "-o", "out.onnx"), "--bits 99: must be "),
        (("quantize", "model.onnx", "--bytes", "1"), "--bytes"),
        (("quantise", "model.onnx"), "quantise"),
        (("quantize", "model.onnx", "other.onnx"), "other.onnx"),
        (("quantize", "model.onnx", "--bits"), "--bits"),
        (("run", "model.onnx"), "-p STEP or as --recipe"),
        (("run", "model.onnx", "-p", "strip", "--recipe", "r.toml"), "-p STEP or as --recipe"),
        (("run", "model.onnx", "-p", "quantize:bits=99", "-o", "out.onnx"), "--bits 99"),
        (("run", "model.onnx", "-p", "squeeze", "-o", "out.onnx"), "pass 'squeeze' is unknown"),
        ((*PRUNE, "-o", "out.onnx", "--max-size", "small"), "small"),
        ((*PRUNE, "-o", "out.onnx", "--max-drop", "little"), "--max-drop little: must be a number"),
        ((*PRUNE, "-o", "out.onnx", "--seed", "0.5"), "--seed 0.5: must be a whole number"),
        ((*PRUNE, "-o", "out.onnx", "--report", "report.txt"), "report.txt: the name must end in .json, .md or .html"),
        ((*PRUNE, "-o", "-", "--report", "-"), "report -: standard output is the model's"),
        ((*PRUNE, "-o", "out.onnx", "--report", "-", "--report", "md:-"), "report md:-: standard output has a report already"),
        ((*PRUNE, "-o", "out.onnx", "--metric", "beauty"), "beauty"),
        ((*PRUNE, "-o", "earlier.onnx"), "earlier.onnx: exists; -f replaces it"),
        ((*PRUNE, "-o", "model.onnx"), "model.onnx: is the input itself; -f replaces it"),
        ((*PRUNE, "-o", "./model.onnx"), "is the input itself"),
    ],
)
def test_usage(refused, words, why):
    status, error = refused(*words)
    assert status == 2 and why in error


@pytest.mark.parametrize("name", ["missing/out.onnx", "earlier.onnx/out.onnx", ".", "missing/", "out.onnx/", "x" * 300])
def test_outputs_that_can_not_be(refused, name):
    for more in ((), ("-f",)):
        status, error = refused(*PRUNE, "-o", name, *more)
        assert status == 5 and name[:40] in error


def test_an_output_folder_without_permission(refused, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (tmp_path / "locked").mkdir(mode=0o500)
    assert refused(*PRUNE, "-o", "locked/out.onnx")[0] == 5


def test_a_report_that_can_not_be_written(refused):
    status, error = refused(*PRUNE, "-o", "out.onnx", "--report", "missing/report.json")
    assert status == 5 and "missing" in error


def test_missing_external_data(refused, tmp_path, mlp):
    onnx.save(onnx.load(mlp), tmp_path / "ext.onnx", save_as_external_data=True, location="ext.data", size_threshold=0)
    (tmp_path / "ext.data").rename(tmp_path / "elsewhere.data")
    status, error = refused("quantize", "ext.onnx", "-o", "out.onnx")
    assert status == 3 and "'ext.data': No such file" in error
    (tmp_path / "ext.data").write_bytes((tmp_path / "elsewhere.data").read_bytes()[:-1000])
    status, error = refused("quantize", "ext.onnx", "-o", "out.onnx")
    assert status == 3 and "ext.data" in error and "which has" in error


GOOD = np.zeros((6, 64), "f4")
DATA = {
    "wrong key": (dict(inputs=GOOD), "x"),
    "wrong shape": (dict(x=np.zeros((6, 63), "f4")), "63"),
    "wrong rank": (dict(x=np.zeros(64, "f4")), "[64]"),
    "wrong dtype": (dict(x=np.full((6, 64), "text")), "x"),
    "complex": (dict(x=np.zeros((6, 64), "c8")), "x"),
    "no samples": (dict(x=np.zeros((0, 64), "f4")), ""),
    "nothing": ({}, ""),
    "label count": (dict(x=GOOD, labels=np.zeros(5, "i8")), "5"),
    "label dtype": (dict(x=GOOD, labels=np.full(6, "cat")), "labels"),
    "labels out of range": (dict(x=GOOD, labels=np.full(6, 10)), "10"),
}


@pytest.mark.parametrize("kind", DATA)
def test_data_that_does_not_fit(refused, tmp_path, kind):
    arrays, why = DATA[kind]
    np.savez(tmp_path / "val.npz", **arrays)
    status, error = refused(*PRUNE, "-o", "out.onnx", "--data", "val.npz")
    assert status == 3 and ("val.npz" in error or "label" in error) and why in error


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 not a zip"])
@pytest.mark.parametrize("name", ["val.npz", "val.npy"])
def test_data_that_can_not_be_read(refused, tmp_path, name, content):
    status, error = refused(*PRUNE, "-o", "out.onnx", "--data", "missing.npz")
    assert status == 3 and "missing.npz" in error
    (tmp_path / name).write_bytes(content)
    status, error = refused(*PRUNE, "-o", "out.onnx", "--data", name)
    assert status == 3 and name in error


def test_pickled_data_is_not_loaded(refused, tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "trapped"),)

    for name, save in (("val.npy", np.save), ("val.npz", lambda p, a: np.savez(p, x=a))):
        save(tmp_path / name, np.array([Trap()], dtype=object))
        status, error = refused(*PRUNE, "-o", "out.onnx", "--data", name)
        assert status == 3 and name in error


def test_labels_that_do_not_match(refused, tmp_path):
    np.savez(tmp_path / "val.npz", x=GOOD)
    np.save(tmp_path / "labels.npy", np.zeros(7, "i8"))
    status, error = refused(*PRUNE, "-o", "out.onnx", "--data", "val.npz", "--labels", "labels.npy")
    assert status == 3 and "7" in error and "6" in error
    assert refused(*PRUNE, "-o", "out.onnx", "--data", "val.npz", "--labels", "missing.npy")[0] == 3


def test_a_reference_that_is_no_model(refused):
    status, error = refused(*PRUNE, "-o", "out.onnx", "--against", "earlier.onnx")
    assert status == 3 and "earlier.onnx" in error
    assert refused(*PRUNE, "-o", "out.onnx", "--against", "missing.onnx")[0] == 3


def test_a_recipe_that_can_not_be_read(refused, tmp_path):
    assert refused("run", "model.onnx", "--recipe", "missing.toml", "-o", "out.onnx")[0] == 3
    (tmp_path / "r.toml").write_text("[[step")
    assert refused("run", "model.onnx", "--recipe", "r.toml", "-o", "out.onnx")[0] == 3
    (tmp_path / "r.toml").write_text("[[step]]\npass = 'squeeze'")
    assert refused("run", "model.onnx", "--recipe", "r.toml", "-o", "out.onnx")[0] == 2


@pytest.mark.parametrize(
    ("gate", "why"),
    [
        (("--max-size", "1KB"), "max-size 1,000 bytes"),
        (("--max-drop", "0.1"), "max-drop 0.1 can't be evaluated"),
        (("--min-sqnr", "500"), "min-sqnr 500"),
    ],
)
def test_gates_that_fail_write_nothing(call, tmp_path, mlp, gate, why):
    (tmp_path / "earlier.onnx").write_bytes(b"before")
    status, out, error = call(*PRUNE, "-o", "earlier.onnx", "-f", "-q", *gate)
    assert status == 4 and out == b"" and error.startswith("lwc: error: ") and error.count("\n") == 1
    assert why in error and ("no model was written" in error or "nothing was done" in error)
    assert (tmp_path / "earlier.onnx").read_bytes() == b"before" and sorted(os.listdir(tmp_path)) == ["earlier.onnx", "model.onnx"]


@pytest.mark.parametrize("option", ["--data", "--max-drop", "--min-sqnr", "--min-agreement", "--max-slowdown", "--against"])
def test_what_needs_the_check_is_refused_without_it(refused, option):
    status, error = refused(*PRUNE, "-o", "out.onnx", "--no-check", option, "1")
    assert status == 2 and f"{option}: needs the check, which --no-check leaves out" in error


def test_a_model_that_onnxruntime_refuses(refused, save):
    save(
        '<ir_version: 8, opset_import: ["" : 17, "no.such" : 1]> g (float[2,64] x) => (float[2,32] y) <float[64,32] W>'
        " { a = MatMul (x, W)  y = no.such.Thing (a) }"
    )
    status, error = refused("quantize", "model.onnx", "-o", "out.onnx")
    assert status == 3 and "model.onnx" in error and "--no-check" in error


def test_a_name_with_control_characters(refused):
    status, error = refused("quantize", "a\x1b[31m\nb.onnx", "-o", "out.onnx")
    assert status == 3 and "\\x1b" in error
