"""Hostile, damaged and odd models through every pass: refused in one line, or done right."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from corpus.verdicts import BROKEN, Verdict

from hostile import external, graphs, not_models, odd, tensors
from hostile.cases import Case
from hostile.judged import ALLOWED, run, unexpected


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["five_passes", "every_pass"])
@pytest.mark.parametrize(
    "family",
    [not_models.cases, graphs.cases, tensors.cases, external.cases, odd.cases],
    ids=["not_models", "graphs", "tensors", "external", "odd"],
)
def test_every_family(family: Callable[[], list[Case]], every: bool, tmp_path: Path) -> None:
    files, results = run(family(), tmp_path, every)
    wrong = unexpected(files, results)
    assert not wrong, "\n".join(wrong)


def test_messages_are_one_short_line(tmp_path: Path) -> None:
    _, results = run([*tensors.cases(), *external.cases()], tmp_path)
    refused = [o.detail for found in results.values() for o in found.values() if o.verdict is Verdict.REFUSED]
    assert refused
    for text in refused:
        assert text.isprintable() and 20 < len(text) < 500, text


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("git_lfs_pointer", "Git LFS pointer to a file of 98,765 bytes"),
        ("html_page", "HTML page"),
        ("pickle", "pickle"),
        ("zip_archive", "ZIP archive"),
        ("two_models", "more than one model"),
        ("empty", "empty"),
    ],
)
def test_what_a_file_is_instead(name: str, says: str, tmp_path: Path) -> None:
    _, results = run([c for c in not_models.cases() if c.name == name], tmp_path)
    assert all(says in o.detail for found in results.values() for o in found.values()), results


def test_an_unknown_operator_is_named(tmp_path: Path) -> None:
    chosen = [c for c in graphs.cases() if c.name in ("operator_that_is_not", "operator_of_a_company")]
    files, results = run(chosen, tmp_path)
    for path, found in results.items():
        word = "Frobnicate" if files[path].name == "operator_that_is_not" else "com.acme"
        assert all(word in o.detail for o in found.values()), found


@pytest.mark.slow
@pytest.mark.parametrize("case", graphs.bombs(), ids=lambda c: c.name)
def test_bombs_end(case: Case, tmp_path: Path) -> None:
    path, out = case.write(tmp_path / "bomb"), tmp_path / "out.onnx"
    command = [sys.executable, "-m", "lightweight_cli", "strip", path, "-o", out, "-q"]
    ended = subprocess.run(command, timeout=100, capture_output=True, text=True)
    assert ended.returncode in (0, 3), ended.stderr
    assert out.exists() == (ended.returncode == 0)
    if ended.returncode:
        assert "s" in ended.stderr and "Traceback" not in ended.stderr and len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "case", [c for c in graphs.cases() if c.name in ("operator_that_is_not", "operator_of_a_company")], ids=lambda c: c.name
)
def test_unknown_operators_are_copied_without_the_check(case: Case, tmp_path: Path) -> None:
    import onnx

    path, out = case.write(tmp_path / "model"), tmp_path / "out.onnx"
    command = [sys.executable, "-m", "lightweight_cli", "quantize", path, "-o", out, "--no-check"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    before, after = onnx.load(path), onnx.load(out)
    odd_one = before.graph.node[2].SerializeToString()
    assert odd_one in [n.SerializeToString() for n in after.graph.node]
    assert "no-check" in ended.stderr


def test_no_verdict_is_forgotten() -> None:
    assert set(Verdict) == {v for allowed in ALLOWED.values() for v in allowed} | set(BROKEN)
