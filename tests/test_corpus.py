"""Every pass over a fixed part of the corpus; `make corpus` takes the whole."""

from __future__ import annotations

import multiprocessing
import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
from corpus import recipes
from corpus.models import all_models, label
from corpus.original import examine
from corpus.pool import READY, run_all
from corpus.table import failures, row, table
from corpus.verdicts import BROKEN, Outcome, Verdict, compare, difference
from corpus.worker import serve
from onnx import parser

TWENTIETH, FEW = 20, 97
"""Every how many models are taken: for single passes, and for two passes at a time."""
SHARED = "agraph (float[N, 3] x) => (float[N, 2] y) <float[3, 2] W = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}> { y = MatMul(x, W) }"
HEAD = '<ir_version: 10, opset_import: ["": 18]>\n'


def jobs() -> int:
    return min(4, os.cpu_count() or 1)


def test_single_passes_and_five_in_a_row_on_a_twentieth() -> None:
    models = all_models()[::TWENTIETH]
    results = run_all(serve, models, [*recipes.singles(), recipes.FIVE], jobs())
    assert len(results) == len(models) > 75
    assert not failures(results), table(results)
    equal = sum(o.verdict is Verdict.EQUAL for found in results.values() for o in found.values())
    assert equal > 0.6 * sum(map(len, results.values()))


def test_two_passes_on_a_few() -> None:
    results = run_all(serve, all_models()[3::FEW], [*recipes.singles(), *recipes.pairs()], jobs())
    assert not failures(results), table(results)


def save(path: Path, text: str) -> str:
    path.write_bytes(parser.parse_model(text if text.startswith("<") else HEAD + text).SerializeToString())
    return str(path)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (SHARED, Verdict.EQUAL),
        (SHARED.replace("6.0", "6.5"), Verdict.WRONG),
        (SHARED.replace(" y)", " z)").replace("y =", "z ="), Verdict.WRONG),
        (SHARED.replace("MatMul", "Frobnicate"), Verdict.INVALID),
    ],
)
def test_the_judge_sees_what_differs(tmp_path: Path, text: str, verdict: Verdict) -> None:
    original = examine(save(tmp_path / "a.onnx", SHARED))
    assert compare(original, save(tmp_path / "b.onnx", text), lossy=False).verdict is verdict


def test_lossy_results_may_differ_but_stay_finite() -> None:
    a = np.array([1.0, np.inf, 3.0], np.float32)
    assert difference(a, np.array([2.0, 0.0, 9.0], np.float32), lossy=True) is None
    assert difference(a, np.array([2.0, 0.0, np.nan], np.float32), lossy=True) == "not finite where the original is"
    assert difference(a, a.astype(np.float64), lossy=True) == "float32 became float64"
    assert difference(a, np.array([1.0, np.nan, 3.0], np.float32), lossy=False) == "infinities differ"


def test_random_models_are_not_compared_by_value(tmp_path: Path) -> None:
    path = save(tmp_path / "a.onnx", "agraph (float[N, 3] x) => (float[N, 3] y) { y = RandomNormalLike(x) }")
    assert compare(examine(path), path, lossy=False).verdict is Verdict.UNVERIFIED


def dying(pipe: Connection) -> None:
    """Stand in for a worker: answer the first recipe, die or hang on the second."""
    pipe.send(READY)
    path, todo = pipe.recv()
    pipe.send((todo[0], Outcome(Verdict.EQUAL)))
    if todo[0] == ("first",):
        os.kill(os.getpid(), signal.SIGSEGV) if Path(path).stem == "dies" else signal.pause()
    for recipe in todo[1:]:
        pipe.send((recipe, Outcome(Verdict.EQUAL)))
    multiprocessing.connection.wait([pipe])


@pytest.mark.parametrize(("name", "verdict"), [("dies", Verdict.CRASH), ("hangs", Verdict.TIMEOUT)])
def test_a_worker_that_dies_or_hangs_costs_one_verdict(name: str, verdict: Verdict) -> None:
    path = Path(f"{name}.onnx")
    results = run_all(dying, [path], [("first",), ("second",), ("third",)], jobs=1, time_limit=2)
    assert [o.verdict for o in results[path].values()] == [Verdict.EQUAL, verdict, Verdict.EQUAL]
    assert len(failures(results)) == 1 and verdict in BROKEN


def test_rows_and_labels() -> None:
    assert row(("strip",)) == "`strip`"
    assert row(("strip", "fold")) == "two passes, all pairs"
    assert label(Path("/x/build/onnx-1-node/test_abs/model.onnx")) == "onnx-1-node/test_abs"
    assert label(Path("/x/light/light_vgg19.onnx")) == "light/light_vgg19"
