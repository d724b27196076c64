"""The same input, steps and options give the same bytes: whatever the process, its folder and its threads."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from lightweight_cli.pipeline import registry

TEXT = """
<ir_version: 8, opset_import: ["" : 17, "own" : 1], metadata_props: ["b" : "2", "a" : "1"]>
g (float[4,96] x, bool c) => (float[4,96] y) <float[96,96] A, float[96,96] B, float[96,96] C, float[96,96] D, float[7] unused>
{
  a = MatMul (x, A)  b = own.f (a, B)  t = Transpose (A)  k = MatMul (b, t)
  y = If (c) <then_branch = th () => (float[4,96] r) <float[96,96] E> { s = MatMul (k, E)  r = MatMul (s, C) },
              else_branch = el () => (float[4,96] r) { r = MatMul (k, D) }>
}
<domain: "own", opset_import: ["" : 17]> f (a, b) => (d) { d = MatMul (a, b) }
"""
STEPS = {
    "strip": "strip",
    "fold": "fold",
    "dedupe": "dedupe",
    "compress": "compress:ratio=5",
    "prune": "prune:sparsity=0.5,scope=global",
    "prune-channels": "prune-channels:channels=0.5",
    "student": "student:width=0.5",
    "distill": "distill",
    "quantize": "quantize:bits=4",
    "share": "share:bits=4",
    "half": "half",
    "pack": "pack",
    "unpack": "unpack",
}


def test_every_pass_is_here():
    assert {p.name for p in registry.all_passes()} == set(STEPS)


def process(tmp_path, folder: str, seed: str, *steps: str) -> bytes:
    """Run the steps in a process of its own, in another folder, with another hash seed."""
    where = tmp_path / folder
    where.mkdir(exist_ok=True)
    words = [w for s in steps for w in ("-p", s)]
    done = subprocess.run(
        [sys.executable, "-m", "lightweight_cli", "run", "../model.onnx", *words, "--no-check", "-q"],
        cwd=where,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        env={**os.environ, "PYTHONHASHSEED": seed},
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.mark.parametrize("steps", [("strip", "dedupe", "prune:sparsity=0.6", "quantize:bits=4"), ("fold", "share:bits=3", "half", "pack")])
def test_processes_agree(save, tmp_path, steps):
    save(TEXT)
    first, second = process(tmp_path, "one", "1", *steps), process(tmp_path, "another folder", "77", *steps)
    assert first == second and b"lwc.recipe" in first


@pytest.mark.parametrize("name", [n for n in STEPS if n not in ("fold", "distill")])  # distill needs data: tests/passes/test_distill.py
def test_runs_in_one_process_agree(save, apply, name):
    path = save(TEXT)
    steps = ("quantize", "unpack") if name == "unpack" else (STEPS[name],)
    results = {apply(path, *steps).data for _ in range(4)}
    assert len(results) == 1


def test_the_number_of_threads_does_not_matter(save, apply, monkeypatch):
    from lightweight_cli.weights import in_threads

    path = save(TEXT)
    results = set()
    for threads in (1, 4, 16):
        monkeypatch.setattr(in_threads, "THREADS", threads)
        results.add(apply(path, "prune:sparsity=0.5", "quantize:bits=4").data)
    assert len(results) == 1


def test_the_files_name_and_age_do_not_matter(save, apply, tmp_path):
    first = apply(save(TEXT, "a.onnx"), "quantize").data
    os.utime(save(TEXT, "other name.onnx"), (0, 0))
    assert apply(str(tmp_path / "other name.onnx"), "quantize").data == first
