"""Files, pipes and terminals: where the model comes from and goes to."""

from __future__ import annotations

import os
import pty
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import onnx
import pytest

LWC = f'lwc() {{ {shlex.quote(sys.executable)} -m lightweight_cli "$@"; }}; '


@pytest.fixture
def shell(tmp_path, mlp):
    """Run a command line of bash in the folder of `model.onnx`."""

    def run(line: str, **streams) -> subprocess.CompletedProcess:
        given = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
        return subprocess.run(["bash", "-o", "pipefail", "-c", LWC + line], cwd=tmp_path, timeout=120, **given)

    return run


@pytest.fixture
def terminal(tmp_path, mlp):
    """Run a command line of bash at a terminal; returns its status and all that the terminal got."""

    def run(line: str) -> tuple[int, bytes]:
        mine, theirs = pty.openpty()
        got = bytearray()

        def read() -> None:
            while True:
                try:
                    data = os.read(mine, 65536)
                except OSError:
                    return
                if not data:
                    return
                got.extend(data)

        process = subprocess.Popen(
            ["bash", "-c", LWC + line], cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        reader = threading.Thread(target=read)
        reader.start()
        status = process.wait(120)
        reader.join()
        os.close(mine)
        assert b"\x00" not in got and b"MatMul" not in got  # never a model on a terminal
        return status, bytes(got)

    return run


@pytest.fixture
def validation(tmp_path, mlp, execute):
    """Save `val.npz`: inputs that the model is sure about, labelled with its answers."""
    x = np.random.default_rng(1).normal(size=(4000, 64)).astype("f4")
    (y,) = execute(mlp, {"x": x})
    sure = np.argsort(np.diff(np.sort(y)[:, -2:])[:, 0])[-64:]
    np.savez(tmp_path / "val.npz", x=x[sure], labels=y[sure].argmax(1))


def recipe_of(path: Path) -> list[str]:
    properties = {p.key: p.value for p in onnx.load(path).metadata_props}
    return properties["lwc.recipe"].split("\n")


def test_prune_in_a_pipe_and_then_quantize(shell, tmp_path, execute):
    done = shell("lwc prune model.onnx --threshold 0.01 | lwc quantize --bits 8 > small.onnx")
    assert done.returncode == 0 and done.stdout == b"" and b"prune" in done.stderr and b"quantize" in done.stderr
    small = tmp_path / "small.onnx"
    assert small.stat().st_size < 0.3 * (tmp_path / "model.onnx").stat().st_size
    assert recipe_of(small) == ["prune:threshold=0.01", "quantize:bits=8"]
    x = {"x": np.random.default_rng(0).normal(size=(8, 64)).astype("f4")}
    before, after = execute(str(tmp_path / "model.onnx"), x)[0], execute(str(small), x)[0]
    assert np.sum(before**2) / np.sum((before - after) ** 2) > 10**2.5  # 25 dB


def test_the_long_pipe_with_a_gate(shell, tmp_path, validation):
    done = shell(
        "cat model.onnx | lwc strip | lwc prune --sparsity 0.6 | lwc quantize --bits 4 -o small.onnx"
        " --against model.onnx --data val.npz --max-drop 0.01"
    )
    assert done.returncode == 0, done.stderr.decode()
    assert recipe_of(tmp_path / "small.onnx") == ["prune:sparsity=0.6", "quantize:bits=4"]
    assert b"64 samples" in done.stderr


def test_run_recipe_and_pipe_give_the_same_bytes(shell, tmp_path):
    (tmp_path / "recipe.toml").write_text(
        '[[step]]\npass = "strip"\n[[step]]\npass = "prune"\nthreshold = 0.01\n[[step]]\npass = "quantize"\nbits = 8\n'
    )
    done = shell("lwc run model.onnx -p strip -p prune:threshold=0.01 -p quantize:bits=8 -o small.onnx")
    assert done.returncode == 0, done.stderr.decode()
    for line in (
        "lwc run model.onnx --recipe recipe.toml -o other.onnx --no-check",
        "cat model.onnx | lwc run - -q -p strip -p prune:threshold=0.01 -p quantize:bits=8 --no-check > other.onnx",
        "lwc strip -q model.onnx --no-check | lwc prune -q --threshold 0.01 --no-check |"
        " lwc quantize -q --bits 8 --no-check -o - > other.onnx",
    ):
        done = shell(line)
        assert done.returncode == 0, done.stderr.decode()
        assert (tmp_path / "other.onnx").read_bytes() == (tmp_path / "small.onnx").read_bytes()
        os.unlink(tmp_path / "other.onnx")


@pytest.mark.parametrize("source", ["model.onnx", "- < model.onnx", "< model.onnx", "/dev/stdin < model.onnx", "<(cat model.onnx)"])
def test_ways_to_name_the_input(shell, tmp_path, source):
    done = shell(f"lwc quantize --no-check -q {source}")
    assert done.returncode == 0 and done.stderr == b""
    assert recipe_of_bytes(done.stdout) == "quantize"


def recipe_of_bytes(data: bytes) -> str:
    return {p.key: p.value for p in onnx.ModelProto.FromString(data).metadata_props}["lwc.recipe"]


def test_what_a_pipe_gets_is_the_model_and_nothing_else(shell, tmp_path):
    done = shell("lwc quantize model.onnx --no-check -o a.onnx; lwc quantize model.onnx --no-check --report r.json")
    assert done.stdout == (tmp_path / "a.onnx").read_bytes() and b"quantize" in done.stderr


def test_at_a_terminal_the_result_goes_beside_the_model(terminal, tmp_path):
    status, shown = terminal("lwc prune model.onnx --threshold 0.01")
    assert status == 0 and b"model.prune.onnx" in shown
    made = tmp_path / "model.prune.onnx"
    assert recipe_of(made) == ["prune:threshold=0.01"]
    # lwc's own result of the same model is replaced, and can be the next model
    status, _ = terminal("lwc prune model.onnx --no-check --threshold 0.02 && lwc quantize --no-check model.prune.onnx")
    assert status == 0 and recipe_of(made) == ["prune:threshold=0.02"]
    assert recipe_of(tmp_path / "model.prune.quantize.onnx") == ["prune:threshold=0.02", "quantize"]
    # a result of another model is not
    before = made.read_bytes()
    proto = onnx.load(tmp_path / "model.onnx")
    proto.graph.name = "another"
    onnx.save(proto, tmp_path / "model.onnx")
    status, shown = terminal("lwc prune model.onnx --no-check --threshold 0.01")
    assert status == 2 and b"was not made from model.onnx; -f replaces it" in shown.replace(b"\r\n", b" ")
    assert made.read_bytes() == before
    assert terminal("lwc prune model.onnx --no-check --threshold 0.01 -f")[0] == 0 and made.read_bytes() != before


def test_a_file_that_lwc_did_not_make_is_never_replaced(terminal, tmp_path):
    for content in (b"my notes", (tmp_path / "model.onnx").read_bytes()):
        (tmp_path / "model.quantize.onnx").write_bytes(content)
        status, shown = terminal("lwc quantize --no-check model.onnx")
        assert status == 2 and b"lwc: error: model.quantize.onnx: exists and was not made" in shown
        assert (tmp_path / "model.quantize.onnx").read_bytes() == content


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("lwc prune --threshold 0.01", b"MODEL is missing"),
        ("lwc prune --threshold 0.01 -", b"MODEL is missing"),
        ("lwc prune --threshold 0.01 < model.onnx", b"a model is not written to a terminal"),
        ("lwc prune --threshold 0.01 model.onnx -o -", b"a model is not written to a terminal"),
        ("lwc prune --threshold 0.01 model.onnx -o /dev/stdout", b"a model is not written to a terminal"),
        ("lwc prune --threshold 0.01 model.onnx -o /dev/tty", b"a model is not written to a terminal"),
        ("cat model.onnx | lwc prune --threshold 0.01", b"a model is not written to a terminal"),
    ],
)
def test_no_model_from_or_to_a_terminal(terminal, tmp_path, line, why):
    status, shown = terminal(line)
    assert status == 2 and shown.startswith(b"lwc: error: ") and why in shown.replace(b"\r\n", b" ")
    assert sorted(os.listdir(tmp_path)) == ["model.onnx"]


def test_a_reader_that_stops_early_is_met_quietly(shell, tmp_path, save):
    save('<ir_version: 8, opset_import: ["" : 17]> g (float[4,400] x) => (float[4,400] y) <float[400,400] W> { y = MatMul (x, W) }')
    done = shell("lwc prune model.onnx --sparsity 0.5 --no-check | head -c 10 > start; echo ${PIPESTATUS[0]}")
    assert done.stdout == b"141\n" and done.stderr == b"" and (tmp_path / "start").stat().st_size == 10


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("lwc quantize --no-check model.onnx >&-", 2),
        ("lwc quantize --no-check model.onnx > /dev/full", 5),
        ("lwc quantize --no-check -o x.onnx <&-", 3),
        ("lwc quantize --no-check model.onnx -o x/y.onnx <&- >&-", 5),
        ("lwc passes > /dev/full", 5),
        ("lwc --help > /dev/full", 5),
    ],
)
def test_closed_and_full_streams(shell, tmp_path, line, status):
    done = shell(line)
    assert done.returncode == status
    assert done.stderr.startswith(b"lwc: error: ") and done.stderr.count(b"\n") == 1
    assert sorted(os.listdir(tmp_path)) == ["model.onnx"]


def test_closed_standard_error_does_not_matter(shell, tmp_path):
    done = shell("lwc quantize --no-check model.onnx -o x.onnx 2>&-")
    assert done.returncode == 0 and recipe_of(tmp_path / "x.onnx") == ["quantize"]
    assert shell("lwc quantize missing.onnx -o y.onnx 2>&-").returncode == 3


def test_devices_stay_what_they_are(shell, tmp_path):
    done = shell(
        "lwc quantize --no-check model.onnx -o /dev/null && mkfifo pipe && { cat pipe > got & } &&"
        " lwc quantize --no-check -q model.onnx -o pipe && wait && lwc quantize -q --no-check model.onnx | cmp - got && test -p pipe"
    )
    assert done.returncode == 0, done.stderr.decode()
    assert Path("/dev/null").is_char_device()


def test_an_interrupt_leaves_nothing(tmp_path, save):
    import signal
    import time

    # The check of a model that never ends is under way when the signal comes.
    save("""<ir_version: 8, opset_import: ["" : 17]> g (float[3] x) => (float[3] y)
        <int64 n = {1152921504606846976}, bool go = {1}, float[3000] unused>
        { y = Loop (n, go, x) <body = b (int64 i, bool c, float[3] v) => (bool d, float[3] w) { d = Identity (c) w = Neg (v) }> }""")
    process = subprocess.Popen(
        [sys.executable, "-m", "lightweight_cli", "strip", "model.onnx", "-o", "x.onnx"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and error.endswith(b"lwc: error: interrupted\n") and b"Traceback" not in error
    assert sorted(os.listdir(tmp_path)) == ["model.onnx"]
