"""The check in a child process: crashes, hangs, and who outlives whom."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from onnx import parser

from lightweight_cli.checking.judge import Bench, Check, judge
from lightweight_cli.errors import BrokenPromise, InputError, UsageError

HEAD = '<ir_version: 10, opset_import: ["": 18]>\n'
GOOD = HEAD + """agraph (float[N, 3] x) => (float[N, 2] y)
  <float[3, 2] W = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}> { y = MatMul(x, W) }"""
SQUARE = HEAD + "agraph (float[N, 3] x) => (float[N, 3] y) { y = Neg(x) }"
ENDLESS = HEAD + """agraph (float[N, 3] x) => (float[N, 3] y) <int64 m = {1152921504606846976}, bool c = {1}> {
  y = Loop (m, c, x) <body = b (int64 i, bool on, float[N, 3] a) => (bool more, float[N, 3] s) {
    more = Identity(on) s = Neg(a) }> }"""
FAST = Check(latency=False, load=False)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def save(path: Path, text: str, name: str = "model.onnx") -> str:
    (path / name).write_bytes(parser.parse_model(text).SerializeToString())
    return str(path / name)


def children(pid: int) -> list[int]:
    """Processes started by `pid` that are alive."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(p) for p in (task / "children").read_text().split()]
    return [p for p in found if alive(p)]


def judges() -> list[int]:
    """The checks that this process started and that are alive; other tests leave helpers of multiprocessing."""
    return [p for p in children(os.getpid()) if b"checking.judge:Judge" in Path(f"/proc/{p}/cmdline").read_bytes()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def gone(pids: list[int], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(map(alive, pids))


def test_the_verdict_is_that_of_verify(tmp_path: Path) -> None:
    from lightweight_cli.checking.verify import verify

    good, other = save(tmp_path, GOOD), save(tmp_path, GOOD.replace("6.0", "6.5"), "other.onnx")
    np.savez(tmp_path / "val.npz", x=np.random.default_rng(0).random((40, 3)), labels=np.ones(40, int))
    stages: list[tuple[str, int, int | None]] = []
    found = judge(good, other, Check(data=(str(tmp_path / "val.npz"),), latency=False, load=False),
                  progress=lambda *stage: stages.append(stage))
    assert found == verify(good, other, [str(tmp_path / "val.npz")], latency=False) and found.metric is not None
    assert [s[0] for s in stages] == ["reference load", "data", "reference run", "reference run",
                                      "candidate load", "candidate run", "candidate run"]
    assert stages[3] == ("reference run", 1, 2)
    assert not judges()


def test_a_bench_runs_the_original_once_and_again_after_a_crash(tmp_path: Path) -> None:
    good, stages = save(tmp_path, SQUARE), []
    others = [save(tmp_path, SQUARE.replace("Neg(x)", f"{op}(x)"), f"{op}.onnx") for op in ("Abs", "Relu", "MadMul")]
    np.savez(tmp_path / "val.npz", x=np.random.default_rng(0).random((40, 3)), labels=np.ones(40, int))
    check = Check(data=(str(tmp_path / "val.npz"),), latency=False, load=False, time_limit=2)
    with Bench(good, check, progress=lambda stage, *_: stages.append(stage)) as bench:
        found = [bench.judge(others[0]), bench.judge(others[1])]
        with pytest.raises(BrokenPromise, match="MadMul"):
            bench.judge(others[2])
        found.append(bench.judge(others[0]))
        assert stages.count("reference load") == 1 and len(judges()) == 1
        os.kill(judges()[0], signal.SIGKILL)
        with pytest.raises(BrokenPromise, match="SIGKILL"):
            bench.judge(others[0])
        found.append(bench.judge(others[1]))
        assert stages.count("reference load") == 2
    alone = [judge(good, other, check) for other in others[:2]]
    assert found == [alone[0], alone[1], alone[0], alone[1]] and not judges()


def test_errors_come_through_as_they_are(tmp_path: Path) -> None:
    good, bad = save(tmp_path, GOOD), save(tmp_path, GOOD.replace("MatMul", "MadMul"), "bad.onnx")
    with pytest.raises(InputError, match="the original model.*MadMul"):
        judge(bad, good, FAST)
    with pytest.raises(BrokenPromise, match="the result.*MadMul"):
        judge(good, bad, FAST)
    with pytest.raises(UsageError, match="metric"):
        judge(good, good, Check(metric="nope"))
    with pytest.raises(InputError, match="gone.npz"):
        judge(good, good, Check(data=("gone.npz",)))


def test_a_model_that_never_ends(tmp_path: Path) -> None:
    good = save(tmp_path, SQUARE)
    endless = save(tmp_path, ENDLESS, "endless.onnx")
    started = time.monotonic()
    with pytest.raises(InputError, match="running the original model.*still running after 2 s"):
        judge(endless, good, Check(time_limit=2))
    with pytest.raises(BrokenPromise, match="running the result.*still running after 2 s"):
        judge(good, endless, Check(time_limit=2))
    assert time.monotonic() - started < 30 and not judges()


def test_large_models_get_more_time() -> None:
    from lightweight_cli.checking.judge import _limit

    assert _limit(Check(), "reference run", 0) == 30
    assert _limit(Check(), "candidate load", 4_000_000_000) == 430
    assert _limit(Check(), "latency", 0) == 120  # several runs
    assert _limit(Check(data=("own.npz",)), "reference run", 0) is None
    assert _limit(Check(time_limit=None), "reference load", 0) is None


@pytest.mark.parametrize(("stage", "error", "what"), [
    ("reference run", InputError, "the original model"), ("candidate run", BrokenPromise, "the result")])
def test_a_crash_is_told_by_whose_turn_it_was(tmp_path: Path, stage: str, error: type, what: str) -> None:
    first, second = save(tmp_path, SQUARE), save(tmp_path, ENDLESS, "endless.onnx")
    if stage == "reference run":
        first = second

    def crash(at: str, done: int, total: int | None) -> None:
        if at == stage:
            os.kill(judges()[0], signal.SIGSEGV)

    with pytest.raises(error, match=rf"onnxruntime crashed \(SIGSEGV\) while running {what}"):
        judge(first, second, FAST, progress=crash)


def test_a_killed_child_tells_of_memory(tmp_path: Path) -> None:
    endless = save(tmp_path, ENDLESS)

    def kill(at: str, done: int, total: int | None) -> None:
        if at == "reference run":
            os.kill(judges()[0], signal.SIGKILL)

    with pytest.raises(InputError, match=r"SIGKILL.*memory.*running the original model"):
        judge(endless, endless, FAST, progress=kill)


def test_terabytes_are_refused_in_the_child(tmp_path: Path) -> None:
    text = HEAD + """agraph (float[1] x) => (float[N] y) <int64[1] s = {4398046511104}> {
      z = ConstantOfShape(s) y = Add(x, z) }"""
    bomb = save(tmp_path, text)
    try:
        found = judge(bomb, bomb, FAST)
    except InputError as e:  # onnxruntime 1.23 computes it when it loads the model
        assert "bad_alloc" in str(e)
    else:
        assert found.unverified and "memory" in found.unverified and not found.outputs


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_child_ends_with_its_parent(tmp_path: Path, number: signal.Signals) -> None:
    endless = save(tmp_path, ENDLESS)
    (tmp_path / "reader.py").write_text(
        "import subprocess\nsubprocess.Popen(['sleep', '300'])\nfeeds = [{'x': [[1.0, 2.0, 3.0]]}]\n")
    code = ("import sys; from lightweight_cli.checking.judge import *; "
            f"judge({endless!r}, {endless!r}, Check(data=({str(tmp_path / 'reader.py') + ':feeds'!r},)), "
            "progress=lambda *s: print(*s, file=sys.stderr, flush=True))")
    parent = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stderr is not None and parent.stdout is not None
    for line in parent.stderr:
        if line.startswith("reference run"):
            break
    (child,) = children(parent.pid)
    grandchildren = children(child)
    assert len(grandchildren) == 1
    parent.send_signal(number)
    try:
        assert gone([child], 10)
        assert number == signal.SIGKILL or gone(grandchildren, 10)
        assert parent.wait(10) != 0
    finally:
        for pid in (parent.pid, child, *grandchildren):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        parent.wait()


def test_nothing_is_imported_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = save(tmp_path, GOOD)
    for name in ("numpy", "json", "lightweight_cli", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the working directory')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert judge(good, "model.onnx", FAST).sqnr == float("inf")


def test_what_a_reader_prints_never_reaches_stdout(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    good = save(tmp_path, GOOD)
    (tmp_path / "reader.py").write_text(
        "import os\nprint('hello')\nos.write(1, b'raw')\nfeeds = [{'x': [[1.0, 2.0, 3.0]]}]\n")
    assert judge(good, good, Check(data=(f"{tmp_path}/reader.py:feeds",), latency=False)).batches == 1
    out, err = capfd.readouterr()
    assert out == "" and "hello" in err


def test_models_by_descriptor(tmp_path: Path) -> None:
    good = save(tmp_path, GOOD)
    descriptor = os.open(good, os.O_RDONLY)
    try:
        assert judge(good, f"/proc/self/fd/{descriptor}", FAST, pass_fds=(descriptor,)).sqnr == float("inf")
    finally:
        os.close(descriptor)


def test_descriptors_and_the_handler_are_put_back(tmp_path: Path) -> None:
    good = save(tmp_path, GOOD)
    judge(good, good, FAST)
    before = sorted(os.listdir("/proc/self/fd"))
    for _ in range(3):
        judge(good, good, FAST)
    assert sorted(os.listdir("/proc/self/fd")) == before
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
