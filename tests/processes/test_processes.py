"""lwc as a process: signals, streams, paths, full disks. Never half a file, never a lost input, never a traceback."""

from __future__ import annotations

import functools
import os
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, numpy_helper, parser

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits and signals as on Linux")

LWC = [sys.executable, "-m", "lightweight_cli"]
TEXT = '<ir_version: 8, opset_import: ["": 17]>\nagraph (float[N, {0}] x) => (float[N, {1}] y) {{ y = MatMul(x, w) }}'
UNPRIVILEGED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"] if os.geteuid() == 0 else []
"""Makes file modes hold for root too."""
LIMIT = 120


def model(rows: int, columns: int) -> ModelProto:
    """Return a matrix product with random weights."""
    proto = parser.parse_model(TEXT.format(rows, columns))
    weights = np.random.default_rng(0).standard_normal((rows, columns), np.float32)
    proto.graph.initializer.append(numpy_helper.from_array(weights, "w"))
    return proto


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a small model, as working directory."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in sys.path if p))
    onnx.save(model(16, 64), "in.onnx")
    yield work
    work.chmod(0o755)


def large() -> None:
    """Make the model large enough that writing it takes a while."""
    onnx.save(model(8, 1_000_000), "in.onnx")


def quantize(*words: str | bytes, prefix: list[str] | None = None, **more: Any) -> subprocess.CompletedProcess[bytes]:
    """Run `lwc quantize`."""
    streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": LIMIT}
    ended = subprocess.run([*(prefix or []), *LWC, "quantize", *words], **{**streams, **more})
    assert b"Traceback" not in (ended.stderr or b""), ended.stderr
    assert ended.returncode >= 0 and b"a bug in lwc" not in (ended.stderr or b""), ended.stderr
    return ended


def start(*words: str) -> subprocess.Popen[bytes]:
    """Start `lwc quantize`."""
    return subprocess.Popen([*LWC, "quantize", *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def good(path: str | bytes) -> None:
    """The file is a whole result."""
    proto = ModelProto.FromString(Path(os.fsdecode(path)).read_bytes())
    onnx.checker.check_model(proto)
    assert "lwc.recipe" in {p.key for p in proto.metadata_props}


def files() -> set[str]:
    """Everything in the working directory."""
    return set(os.listdir("."))


def refused(ended: subprocess.CompletedProcess[bytes], status: int, *keep: str) -> str:
    """The command failed with one line and left nothing behind. Returns: the line."""
    assert ended.returncode == status, (ended.returncode, ended.stderr)
    assert files() == {"in.onnx", *keep}
    said = ended.stderr.decode().splitlines()
    lines = [line for line in said if not re.match(r"lwc: [0-9.]+ s: ", line)]  # progress, where the machine is slow
    assert len(lines) == 1 and lines[0].startswith("lwc: error: "), said
    return lines[0]


# Where the input comes from


def test_a_model_through_a_pipe() -> None:
    data = Path("in.onnx").read_bytes()
    ended = quantize("-q", stdin=None, input=data)
    Path("out.onnx").write_bytes(ended.stdout)
    assert ended.returncode == 0 and ended.stderr == b""
    good("out.onnx")


def test_pipes_from_pass_to_pass() -> None:
    command = " | ".join([" ".join([*LWC, "strip", "in.onnx", "-q"]), " ".join([*LWC, "quantize", "-q"])])
    ended = subprocess.run(command, shell=True, stdout=subprocess.PIPE, timeout=LIMIT)
    Path("out.onnx").write_bytes(ended.stdout)
    good("out.onnx")


@pytest.mark.parametrize(
    "make", [lambda: os.unlink("in.onnx"), lambda: (os.unlink("in.onnx"), os.mkdir("in.onnx"))], ids=["missing", "folder"]
)
def test_no_input(make: Callable[[], object]) -> None:
    make()
    keep = files()
    ended = quantize("in.onnx", "-o", "out.onnx")
    assert ended.returncode == 3 and files() == keep and b"in.onnx" in ended.stderr


@pytest.mark.skipif(UNPRIVILEGED != [] and shutil.which("setpriv") is None, reason="root reads every file")
def test_unreadable_input() -> None:
    os.chmod("in.onnx", 0)
    assert "Permission denied" in refused(quantize("in.onnx", "-o", "out.onnx", prefix=UNPRIVILEGED), 3)


def test_a_named_pipe_that_nobody_writes_to() -> None:
    os.mkfifo("pipe")
    refused(quantize("pipe", "-o", "out.onnx", timeout=30), 3, "pipe")


def test_inspect_of_a_named_pipe_that_nobody_writes_to() -> None:
    os.mkfifo("pipe")
    ended = subprocess.run([*LWC, "inspect", "pipe"], stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
    assert ended.returncode == 3 and len(ended.stderr.splitlines()) == 1


def test_closed_standard_input() -> None:
    assert "standard input is closed" in refused(quantize("-o", "out.onnx", stdin=None, preexec_fn=lambda: os.close(0)), 3)


def test_truncated_input_leaves_an_earlier_output_alone() -> None:
    Path("out.onnx").write_bytes(b"earlier")
    os.truncate("in.onnx", 1000)
    refused(quantize("in.onnx", "-o", "out.onnx", "-f"), 3, "out.onnx")
    assert Path("out.onnx").read_bytes() == b"earlier"


# Where the output goes


@pytest.mark.parametrize(
    ("target", "prepare"),
    [
        ("no/such/folder/out.onnx", lambda: None),
        ("taken", lambda: os.mkdir("taken")),
        ("circle", lambda: os.symlink("circle", "circle")),
    ],
)
def test_an_output_that_can_not_be(target: str, prepare: Callable[[], object]) -> None:
    prepare()
    refused(quantize("in.onnx", "-o", target), 5, *(files() - {"in.onnx"}))


@pytest.mark.skipif(UNPRIVILEGED != [] and shutil.which("setpriv") is None, reason="root writes everywhere")
def test_a_read_only_folder() -> None:
    os.mkdir("locked", 0o555)
    refused(quantize("in.onnx", "-o", "locked/out.onnx", prefix=UNPRIVILEGED), 5, "locked")


def test_an_existing_file_stays_without_force() -> None:
    Path("out.onnx").write_bytes(b"mine")
    assert "-f replaces it" in refused(quantize("in.onnx", "-o", "out.onnx"), 2, "out.onnx")
    assert Path("out.onnx").read_bytes() == b"mine"


@pytest.mark.parametrize("spelling", ["in.onnx", "./in.onnx", "link.onnx"])
def test_in_place(spelling: str) -> None:
    os.symlink("in.onnx", "link.onnx")
    before = Path("in.onnx").read_bytes()
    refused(quantize("in.onnx", "-o", spelling), 2, "link.onnx")
    assert Path("in.onnx").read_bytes() == before
    assert quantize("in.onnx", "-o", spelling, "-f").returncode == 0
    good("in.onnx")
    assert os.path.islink("link.onnx") and files() == {"in.onnx", "link.onnx"}


def test_in_place_beside_a_hard_link() -> None:
    os.link("in.onnx", "hard.onnx")
    before = Path("in.onnx").read_bytes()
    assert quantize("in.onnx", "-o", "hard.onnx", "-f").returncode == 0
    good("hard.onnx")
    assert Path("in.onnx").read_bytes() == before


def test_a_linked_output_is_written_where_the_link_points() -> None:
    os.mkdir("there")
    os.symlink("there/real.onnx", "out.onnx")
    assert quantize("in.onnx", "-o", "out.onnx").returncode == 0
    good("there/real.onnx")
    assert os.path.islink("out.onnx") and os.listdir("there") == ["real.onnx"]


def test_dev_null_stays_a_device() -> None:
    assert quantize("in.onnx", "-o", "/dev/null").returncode == 0
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode) and files() == {"in.onnx"}


def test_dev_stdout() -> None:
    ended = quantize("in.onnx", "-o", "/dev/stdout")
    assert ended.returncode == 0
    Path("out.onnx").write_bytes(ended.stdout)
    good("out.onnx")


def test_a_named_pipe_as_output() -> None:
    os.mkfifo("pipe")
    with subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE) as reader:
        ended = quantize("in.onnx", "-o", "pipe", timeout=60)
        data = reader.communicate(timeout=30)[0]
    assert ended.returncode == 0 and stat.S_ISFIFO(os.lstat("pipe").st_mode)
    Path("out.onnx").write_bytes(data)
    good("out.onnx")


@pytest.mark.parametrize(
    "name",
    ["d\u00efr \u6a21/\U0001f600 x.onnx", "a'b\"c\nd$(id)%s{0}.onnx", "-x.onnx", "n" * 240 + ".onnx", "caf\udce9.onnx"],
    ids=["unicode", "quotes", "dash", "long", "not_utf8"],
)
def test_odd_paths(name: str) -> None:
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    os.mkdir("to")
    shutil.copy("in.onnx", os.fsencode(name))
    ended = quantize("-o", b"to/" + os.fsencode(os.path.basename(name)), "--", os.fsencode(name))
    assert ended.returncode == 0, ended.stderr
    good("to/" + os.path.basename(name))
    assert len(os.listdir("to")) == 1


def test_the_mode_follows_the_umask() -> None:
    assert quantize("in.onnx", "-o", "out.onnx", umask=0o027).returncode == 0
    assert stat.S_IMODE(os.stat("out.onnx").st_mode) == 0o640


# Signals, and what is full


def test_a_full_disk() -> None:
    large()
    Path("out.onnx").write_bytes(b"earlier")
    ended = quantize("in.onnx", "-o", "out.onnx", "-f", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)))
    refused(ended, 5, "out.onnx")
    assert Path("out.onnx").read_bytes() == b"earlier"


def test_little_memory() -> None:
    large()
    ended = quantize("in.onnx", "-o", "out.onnx", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)))
    if ended.returncode == 0:
        good("out.onnx")
    else:
        assert ended.returncode == 3 and files() == {"in.onnx"} and len(ended.stderr.splitlines()) == 1


@functools.cache
def undisturbed() -> tuple[float, bytes]:
    """Return the seconds that the large model takes, and its result; measured once."""
    begun = time.monotonic()
    quantize("in.onnx", "-o", "new.onnx")
    took, new = time.monotonic() - begun, Path("new.onnx").read_bytes()
    os.unlink("new.onnx")
    return took, new


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_signal_leaves_nothing_behind(number: signal.Signals, share: float) -> None:
    large()
    took, _ = undisturbed()
    process = start("in.onnx", "-o", "out.onnx")
    time.sleep(took * share)
    process.send_signal(number)
    said = process.communicate(timeout=30)[1]
    assert b"Traceback" not in said
    if files() == {"in.onnx"}:
        assert process.returncode in ({130, -signal.SIGINT} if number == signal.SIGINT else {143, -signal.SIGTERM}), said
    else:
        assert files() == {"in.onnx", "out.onnx"}
        good("out.onnx")


def test_kill_leaves_the_old_file_or_the_whole_new_one() -> None:
    large()
    took, new = undisturbed()
    for delay in np.linspace(0.3, 1.1, 5) * took:
        Path("out.onnx").write_bytes(b"earlier")
        process = start("in.onnx", "-o", "out.onnx", "-f", "-q")
        time.sleep(delay)
        process.kill()
        process.communicate()
        assert Path("out.onnx").read_bytes() in (b"earlier", new)
        assert len([f for f in files() if f not in ("in.onnx", "out.onnx")]) <= 1, "more than the one name being given"
        for other in files() - {"in.onnx", "out.onnx"}:
            assert Path(other).read_bytes() == new
            os.unlink(other)


def test_the_check_ends_with_its_parent() -> None:
    def descendants(pid: int) -> list[int]:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    large()
    process = start("in.onnx", "-o", "out.onnx")
    children: list[int] = []
    while process.poll() is None and not children:
        children = descendants(process.pid)
    process.kill()
    process.communicate()
    end = time.monotonic() + 10
    while any(running(p) for p in children) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(running(p) for p in children)


def running(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_several_writers() -> None:
    writers = [start("in.onnx", "-o", "out.onnx", "-f") for _ in range(3)]
    said = [w.communicate(timeout=LIMIT)[1] for w in writers]
    assert any(w.returncode == 0 for w in writers) and not any(b"Traceback" in s for s in said), said
    good("out.onnx")
    assert files() == {"in.onnx", "out.onnx"}


def test_a_reader_that_goes_away() -> None:
    large()
    with subprocess.Popen(
        [*LWC, "quantize", "in.onnx"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(LIMIT) in (141, -signal.SIGPIPE) and b"rror" not in said


def test_a_full_device_as_standard_output() -> None:
    with open("/dev/full", "wb") as full:
        ended = quantize("in.onnx", stdout=full)
    assert "No space left" in refused(ended, 5)


def test_closed_standard_streams() -> None:
    ended = subprocess.run(
        [*LWC, "quantize", "in.onnx", "-o", "out.onnx"], preexec_fn=lambda: [os.close(i) for i in (0, 1, 2)], timeout=LIMIT
    )
    assert ended.returncode == 0
    good("out.onnx")


def test_standard_error_that_nobody_reads() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run([*LWC, "quantize", "in.onnx", "-o", "out.onnx"], stderr=writing, stdin=subprocess.DEVNULL, timeout=LIMIT)
    finally:
        os.close(writing)
    assert ended.returncode in (0, 141)
    assert files() <= {"in.onnx", "out.onnx"}
    if ended.returncode == 0:
        good("out.onnx")


# The environment


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        {"TERM": "dumb", "COLUMNS": "1"},
        {"TMPDIR": "/nonexistent"},
        {"NO_COLOR": "1"},
    ],
    ids=["bare", "ascii", "narrow", "no_tmp", "no_color"],
)
def test_environments(variables: dict[str, str]) -> None:
    proto = model(16, 64)
    proto.graph.initializer[0].name = "gew\u00efcht \u6a21"
    proto.graph.node[0].input[1] = "gew\u00efcht \u6a21"
    onnx.save(proto, "in.onnx")
    ended = quantize("in.onnx", "-o", "out.onnx", env={"PATH": os.environ["PATH"], "PYTHONPATH": os.environ["PYTHONPATH"], **variables})
    assert ended.returncode == 0, ended.stderr
    good("out.onnx")
    assert b"\x1b[" not in ended.stderr


def test_nothing_is_imported_from_the_working_directory() -> None:
    for name in ("numpy", "onnx", "onnxruntime", "json", "typing", "lightweight_cli"):
        Path(f"{name}.py").write_text("open('PWNED', 'w').close()\nraise SystemExit('hijacked')\n")
    code = "import sys; from lightweight_cli.__main__ import main; main()"  # what the installed script does
    ended = subprocess.run(
        [sys.executable, "-P" if sys.version_info >= (3, 11) else "-I", "-c", code, "quantize", "in.onnx", "-o", "out.onnx"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT,
    )
    assert not os.path.exists("PWNED"), ended.stderr
    if ended.returncode == 0:
        good("out.onnx")
    else:  # Python 3.10 has no way to leave out the working directory alone
        assert sys.version_info < (3, 11), ended.stderr


def test_a_working_directory_that_is_gone(tmp_path: Path) -> None:
    source, target = os.path.abspath("in.onnx"), str(tmp_path / "out.onnx")
    gone = tmp_path / "gone"
    code = (
        "import os, sys; os.mkdir(sys.argv[1]); os.chdir(sys.argv[1]); os.rmdir(sys.argv[1]); "
        "os.execv(sys.executable, [sys.executable, '-m', 'lightweight_cli', *sys.argv[2:]])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(gone), "quantize", source, "-o", target],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT,
    )
    assert b"Traceback" not in ended.stderr and b"a bug in lwc" not in ended.stderr, ended.stderr
    assert ended.returncode == 0, ended.stderr
    good(target)


def test_the_result_needs_none_of_the_input_files() -> None:
    onnx.save(onnx.load("in.onnx"), "in.onnx", save_as_external_data=True, location="in.data", size_threshold=0)
    before = Path("in.onnx").read_bytes(), Path("in.data").read_bytes()
    os.mkdir("to")
    assert quantize("in.onnx", "-o", "to/out.onnx").returncode == 0
    assert (Path("in.onnx").read_bytes(), Path("in.data").read_bytes()) == before
    os.unlink("in.data")
    good("to/out.onnx")
    assert not any(t.external_data for t in onnx.load("to/out.onnx").graph.initializer)


def test_the_same_bytes_each_time(tmp_path: Path) -> None:
    assert quantize("in.onnx", "-o", "out.onnx", env={**os.environ, "PYTHONHASHSEED": "1"}).returncode == 0
    there = tmp_path / "there.onnx"
    assert quantize(os.path.abspath("in.onnx"), "-o", str(there), cwd="/", env={**os.environ, "PYTHONHASHSEED": "2"}).returncode == 0
    assert Path("out.onnx").read_bytes() == there.read_bytes()
