"""Output: whole or not at all, under its own name and mode, in one file or with its data beside it."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import numpy as np
import onnx
import pytest

from lightweight_cli.errors import InputError, OutputError, UsageError
from lightweight_cli.model import output, output_external
from lightweight_cli.model.blobs import Blob, Source
from lightweight_cli.model.load import load
from lightweight_cli.model.output import Candidate, refuse_target
from lightweight_cli.model.output_external import ExternalCandidate, write_candidate
from lightweight_cli.model.wire import Payload


@pytest.fixture(params=["unnamed", "hidden"])
def way(request, monkeypatch):
    """With and without files that have no name."""
    if request.param == "hidden":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)


def publish(target: Path | str, data: bytes = b"model") -> None:
    candidate = Candidate(str(target))
    try:
        candidate.write([data], [])
        candidate.publish()
    finally:
        candidate.discard()


def test_the_file_is_not_seen_before_it_is_published(tmp_path, way):
    target = tmp_path / "out.onnx"
    target.write_bytes(b"earlier")
    candidate = Candidate(str(target))
    candidate.write([b"model ", Payload(0, 4)], [Blob(4, data=b"data")])
    assert target.read_bytes() == b"earlier" and Path(candidate.path).read_bytes() == b"model data" and candidate.size == 10
    assert [p for p in os.listdir(tmp_path) if not p.startswith(".")] == ["out.onnx"]
    candidate.publish()
    candidate.discard()
    assert target.read_bytes() == b"model data" and os.listdir(tmp_path) == ["out.onnx"]


def test_what_is_discarded_leaves_nothing(tmp_path, way):
    candidate = Candidate(str(tmp_path / "out.onnx"))
    candidate.write([b"model"], [])
    candidate.discard()
    candidate.discard()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_mode_is_the_usual_one(tmp_path, way, umask, mode):
    before = os.umask(umask)
    try:
        publish(tmp_path / "out.onnx")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out.onnx").stat().st_mode) == mode


def test_a_link_is_followed(tmp_path, way):
    (tmp_path / "folder").mkdir()
    real, link = tmp_path / "folder" / "real.onnx", tmp_path / "link.onnx"
    link.symlink_to("folder/real.onnx")
    publish(link, b"first")  # to a file that is not there yet
    assert link.is_symlink() and real.read_bytes() == b"first"
    publish(link, b"second")
    assert link.is_symlink() and real.read_bytes() == b"second" and not real.is_symlink()
    assert os.listdir(tmp_path / "folder") == ["real.onnx"]


def test_another_link_to_the_replaced_file_keeps_its_content(tmp_path, way):
    (tmp_path / "out.onnx").write_bytes(b"earlier")
    os.link(tmp_path / "out.onnx", tmp_path / "copy.onnx")
    publish(tmp_path / "out.onnx")
    assert (tmp_path / "copy.onnx").read_bytes() == b"earlier"


def test_long_and_odd_names(tmp_path, way):
    for name in ("x" * 250 + ".onnx", "ü" * 120, "a b\n'\".onnx", "-o", "\udcff.onnx"):
        publish(tmp_path / name)
        assert (tmp_path / name).read_bytes() == b"model"
    assert len(os.listdir(tmp_path)) == 5


def test_a_full_disk_leaves_the_earlier_file(tmp_path, way, monkeypatch):
    target = tmp_path / "out.onnx"
    target.write_bytes(b"earlier")

    def full(fd, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OutputError, match="out.onnx: No space left on device"):
        publish(target)
    monkeypatch.undo()
    assert target.read_bytes() == b"earlier" and os.listdir(tmp_path) == ["out.onnx"]


def test_short_writes_are_continued(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(output.os, "write", lambda fd, data: real(fd, data[:3]))
    publish(tmp_path / "out.onnx", b"0123456789")
    monkeypatch.undo()
    assert (tmp_path / "out.onnx").read_bytes() == b"0123456789"


def test_a_source_that_fails_midway_leaves_nothing(tmp_path, way):
    def pieces():
        yield b"begin"
        raise InputError("the source is gone")

    candidate = Candidate(str(tmp_path / "out.onnx"))
    with pytest.raises(InputError):
        candidate.write(pieces(), [])
    candidate.discard()
    assert os.listdir(tmp_path) == []


def test_a_device_is_written_and_stays(tmp_path, way):
    publish("/dev/null")
    assert Path("/dev/null").is_char_device()


def test_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    refuse_target(str(tmp_path / "new.onnx"), None, False)
    refuse_target(str(tmp_path / "file"), None, True)
    for name, error in (
        ("file", UsageError),
        ("missing/x", OutputError),
        ("file/x", OutputError),
        ("", OutputError),
        ("new/", OutputError),
    ):
        with pytest.raises(error):
            refuse_target(str(tmp_path / name) + "/" * name.endswith("/"), None, False)
    with pytest.raises(UsageError, match="is the input itself"):
        refuse_target(str(tmp_path / "file"), str(tmp_path / "file"), False)


# Two large weights: what is over the limit for one file when that is made small.
TEXT = """<ir_version: 8, opset_import: ["" : 17]> g (float[2,300] x) => (float[2,200] y)
          <float[300,400] W, float[400] B, float[400,200] V> { h = MatMul (x, W)  b = Add (h, B)  y = MatMul (b, V) }"""


@pytest.fixture
def two_files(monkeypatch):
    monkeypatch.setattr(output_external, "SINGLE_FILE", 100_000)


def test_a_large_result_has_its_data_beside_it(two_files, call, save, tmp_path, execute):
    path = save(TEXT)
    status, out, error = call("quantize", "model.onnx", "-o", "folder.d/out.onnx")
    assert status == 5  # no such folder
    (tmp_path / "folder.d").mkdir()
    status, out, error = call("quantize", "model.onnx", "-o", "folder.d/out.onnx")
    assert status == 0, error
    files = sorted(os.listdir(tmp_path / "folder.d"))
    assert files[0] == "out.onnx" and len(files) == 2 and files[1].startswith("out.onnx.") and files[1].endswith(".data")
    total = sum((tmp_path / "folder.d" / f).stat().st_size for f in files)
    assert total < 0.3 * os.path.getsize(path)
    moved = tmp_path / "moved"
    (tmp_path / "folder.d").rename(moved)
    os.rename(path, tmp_path / "elsewhere.onnx")  # the result needs nothing of its source
    before, after = execute(str(tmp_path / "elsewhere.onnx"))[0], execute(str(moved / "out.onnx"))[0]
    assert np.square(before - after).sum() < 1e-3 * np.square(before).sum()
    # and is a model to go on with
    assert call("prune", "moved/out.onnx", "--sparsity", "0.9", "-o", "last.onnx", "--no-check")[0] == 0
    onnx.checker.check_model(str(moved / "out.onnx"))


def test_data_offsets_are_aligned_and_within_the_file(two_files, save, tmp_path, execute):
    model = load(save(TEXT))
    candidate = write_candidate(model, str(tmp_path / "out.onnx"))
    assert isinstance(candidate, ExternalCandidate) and os.listdir(tmp_path) != ["model.onnx"]
    candidate.publish()
    candidate.discard()
    written = onnx.load(tmp_path / "out.onnx", load_external_data=False)
    for tensor in written.graph.initializer:
        entries = {e.key: e.value for e in tensor.external_data}
        if tensor.name == "B":
            assert not entries and len(tensor.raw_data) == 1600
            continue
        size = (tmp_path / entries["location"]).stat().st_size
        assert int(entries["offset"]) % 64 == 0 and int(entries["offset"]) + int(entries["length"]) <= size
    assert candidate.size == sum((tmp_path / f).stat().st_size for f in os.listdir(tmp_path) if f != "model.onnx")
    a, b = execute(str(tmp_path / "model.onnx"))[0], execute(str(tmp_path / "out.onnx"))[0]
    assert np.array_equal(a, b)


def test_large_results_are_the_same_each_time_and_have_their_own_data(two_files, call, save, tmp_path):
    save(TEXT)
    for _ in range(2):
        assert call("quantize", "model.onnx", "-o", "out.onnx", "-f", "--no-check")[0] == 0
        names = sorted(os.listdir(tmp_path))
        assert len(names) == 3
    assert call("quantize", "model.onnx", "--granularity", "channel", "-o", "other.onnx", "--no-check")[0] == 0
    locations = [
        e.value
        for f in ("out.onnx", "other.onnx")
        for t in onnx.load(tmp_path / f, load_external_data=False).graph.initializer
        for e in t.external_data
        if e.key == "location"
    ]
    assert len(set(locations)) == 2


def test_a_large_result_that_fails_a_gate_leaves_nothing(two_files, call, save, tmp_path):
    save(TEXT)
    assert call("quantize", "model.onnx", "-o", "out.onnx", "--max-size", "1KB")[0] == 4
    assert os.listdir(tmp_path) == ["model.onnx"]


def test_a_large_result_does_not_fit_a_pipe(two_files, call, save, tmp_path):
    save(TEXT)
    status, out, error = call("quantize", "model.onnx", "--no-check")
    assert status == 2 and out == b"" and "name a file with -o" in error and os.listdir(tmp_path) == ["model.onnx"]


def test_in_place_with_data(two_files, call, save, tmp_path, execute):
    path = save(TEXT)
    before = execute(path)[0]
    assert call("quantize", "model.onnx", "-o", "model.onnx")[0] == 2
    assert call("quantize", "model.onnx", "-o", "model.onnx", "-f")[0] == 0
    assert np.square(before - execute(path)[0]).sum() < 1e-3 * np.square(before).sum()
    assert call("quantize", "model.onnx", "--bits", "4", "-o", "model.onnx", "-f")[0] == 0
    assert np.isfinite(execute(path)[0]).all()


KERNEL = ["whole", "in parts", "not at all", "stops", "missing"]


@pytest.mark.parametrize("kernel", KERNEL)
def test_payloads_in_files_are_copied_by_the_kernel_as_far_as_it_goes(tmp_path, monkeypatch, kernel):
    data = np.random.default_rng(0).bytes(3 * output.KERNEL)
    (tmp_path / "data").write_bytes(data)
    source, copy, calls = Source(os.open(tmp_path / "data", os.O_RDONLY), "data"), getattr(os, "copy_file_range", None), []

    def copied(src, dst, count, offset):
        calls.append(count)
        if kernel == "not at all" or (kernel == "stops" and len(calls) > 1):
            raise OSError(errno.EXDEV, "another file system")
        return copy(src, dst, count if kernel == "whole" else min(count, 5000), offset)

    if kernel == "missing":
        monkeypatch.delattr(os, "copy_file_range", raising=False)
    elif copy is None:
        pytest.skip("no copy_file_range")
    else:
        monkeypatch.setattr(os, "copy_file_range", copied)
    blobs = [Blob(len(data) - 7, source, 7), Blob(100, source, 5)]  # the second is too small for it
    candidate = Candidate(str(tmp_path / "out.onnx"))
    candidate.write([b"head", Payload(0, len(data) - 7), b"between", Payload(1, 100)], blobs)
    assert Path(candidate.path).read_bytes() == b"head" + data[7:] + b"between" + data[5:105]
    assert candidate.size == len(data) - 7 + 111 and len(calls) == {"whole": 1, "not at all": 1, "stops": 2, "missing": 0}.get(kernel, 40)
    candidate.discard()


def test_a_file_that_got_shorter_is_the_inputs_fault(tmp_path):
    (tmp_path / "data").write_bytes(bytes(2 * output.KERNEL))
    source = Source(os.open(tmp_path / "data", os.O_RDONLY), "data")
    os.truncate(tmp_path / "data", output.KERNEL)
    candidate = Candidate(str(tmp_path / "out.onnx"))
    with pytest.raises(InputError, match="became shorter"):
        candidate.write([Payload(0, 2 * output.KERNEL)], [Blob(2 * output.KERNEL, source)])
    candidate.discard()
