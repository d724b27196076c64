"""A check that has only so much time, and models that take no more than one sample at once."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import parser

from lightweight_cli.checking import runs
from lightweight_cli.checking.clock import Clock
from lightweight_cli.checking.verify import verify
from lightweight_cli.data.batches import Batch, Batches
from lightweight_cli.data.thinned import singles, thinned
from lightweight_cli.errors import InputError
from lightweight_cli.report.words import basis

HEAD = '<ir_version: 10, opset_import: ["": 18]> '
LINEAR = "agraph (float[N, 3] x) => (float[N, 2] y) <float[3, 2] W = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}> { y = MatMul(x, W) }"
X = np.random.default_rng(1).standard_normal((50, 3)).astype(np.float32)


def model(path: Path, text: str) -> str:
    (path / "m.onnx").write_bytes(parser.parse_model(HEAD + text).SerializeToString())
    return str(path / "m.onnx")


def batches(count: int, size: int = 2) -> Batches:
    made = [Batch({"x": np.full((size, 1), i)}, size, ("x",)) for i in range(count)]
    return Batches([made], np.repeat(np.arange(count), size), count)


def test_fewer_batches_are_spread_and_keep_their_labels() -> None:
    found = thinned(batches(10), 4)
    assert [int(b.feed["x"][0, 0]) for b in found] == [0, 2, 5, 7] and (found.count, found.of) == (4, 20)
    assert found.labels is not None and found.labels.tolist() == [0, 0, 2, 2, 5, 5, 7, 7]
    assert [b.samples for b in found] == [2] * 4  # and again
    whole = batches(3)
    assert thinned(whole, 3) is whole


def test_single_samples() -> None:
    found = singles(batches(2, 3))
    assert [b.feed["x"].tolist() for b in found] == [[[0]]] * 3 + [[[1]]] * 3 and found.count == 6


def test_a_clock_without_a_budget_never_ends() -> None:
    assert not Clock(None).past(0.1) and Clock(None).left() == math.inf
    assert Clock(0).past(0.5)


def test_little_time_runs_some_of_the_data_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, run = model(tmp_path, LINEAR), runs.outputs_of

    def slow(session: Any, feed: dict[str, Any]) -> list[Any]:
        time.sleep(0.02)
        return run(session, feed)

    monkeypatch.setattr(runs, "outputs_of", slow)
    (tmp_path / "x").mkdir()
    np.savez(tmp_path / "x" / "d.npz", x=np.tile(X, (8, 1)), labels=np.repeat([0, 1], 200))
    data = [str(tmp_path / "x" / "d.npz")]
    started = time.monotonic()
    found = verify(path, path, data, latency=False, batch_size=2, budget=1.5)
    assert time.monotonic() - started < 6
    assert found.of == 400 and 2 <= found.samples < 400 and found.metric is not None and found.metric.samples == found.samples
    assert 0 < found.metric.reference < 1  # labels of both halves were met
    assert f"{found.samples} of 400 samples, as many as --check-time allowed" in basis(found)
    monkeypatch.setattr(runs, "outputs_of", run)
    whole = verify(path, path, data, latency=False, batch_size=2, budget=None)
    assert (whole.samples, whole.of, whole.batches) == (400, None, 200)
    part = verify(path, path, data, latency=False, samples=20, budget=None)
    assert (part.samples, part.of) == (20, None) and basis(part).startswith("20 samples in"), "no time was short"


def test_slow_batches_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, run = model(tmp_path, LINEAR), runs.outputs_of

    def slow(session: Any, feed: dict[str, Any]) -> list[Any]:
        time.sleep(0.02 * len(feed["x"]))
        return run(session, feed)

    monkeypatch.setattr(runs, "outputs_of", slow)
    found = verify(path, path, [str(save(tmp_path))], latency=False, budget=2)
    assert found.batches == found.samples  # 0.64 s a batch of 32 would be a third of the time


def save(path: Path) -> Path:
    np.savez(path / "d.npz", x=X)
    return path / "d.npz"


FIXED = "agraph (float[N, 3] x) => (float[N, 3] y) <int64[2] s = {1, 3}> { a = Reshape(x, s) y = Relu(a) }"


def test_a_model_that_takes_one_sample_gets_one(tmp_path: Path) -> None:
    path = model(tmp_path, FIXED)
    found = verify(path, path, [str(save(tmp_path))])
    assert (found.samples, found.batches, found.sqnr) == (50, 50, math.inf) and found.latency is not None and found.latency.batch == 1


def test_a_model_that_takes_whole_batches_keeps_them(tmp_path: Path) -> None:
    path = model(tmp_path, FIXED.replace("{1, 3}", "{25, 3}"))
    found = verify(path, path, [str(save(tmp_path))], batch_size=25)
    assert (found.samples, found.batches) == (50, 2) and found.latency is not None and found.latency.batch == 25
    with pytest.raises(InputError, match="does not run on batch 0.*Reshape"):
        verify(path, path, [str(save(tmp_path))], batch_size=10)


def test_an_id_out_of_range_is_told_by_its_sample(tmp_path: Path) -> None:
    path = model(tmp_path, "agraph (int64[N, 2] ids) => (float[N, 2] y) <float[3] t = {1.0, 2.0, 3.0}> { y = Gather(t, ids) }")
    ids = np.zeros((8, 2))
    ids[5, 1] = 7  # a whole float, beyond the table
    np.savez(tmp_path / "i.npz", ids=ids)
    with pytest.raises(InputError, match="does not run on sample 5: in Gather .*idx=7"):
        verify(path, path, [str(tmp_path / "i.npz")])
