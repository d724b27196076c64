"""External data: only regular files in the model's folder are opened, and only within their bounds."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from lightweight_cli.errors import InputError
from lightweight_cli.model.load import load

VALUES = np.random.default_rng(0).normal(size=(64, 32)).astype("f4")
MODEL = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[1,64] x) => (float[1,32] y) { y = MatMul (x, W) }
"""


def write(folder: Path, **entries: str) -> str:
    """Save a model whose only weight refers to external data."""
    proto = onnx.parser.parse_model(MODEL)
    tensor = proto.graph.initializer.add(
        name="W", data_type=TensorProto.FLOAT, dims=[64, 32], data_location=TensorProto.EXTERNAL
    )
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "model.onnx").write_bytes(proto.SerializeToString())
    return str(folder / "model.onnx")


def refused(path: str) -> str:
    with pytest.raises(InputError) as caught:
        load(path)
    assert "\n" not in str(caught.value) and "tensor W" in str(caught.value)
    return str(caught.value)


def weight(path: str) -> np.ndarray:
    model = load(path)
    return model.array(model.proto.graph.initializer[0])


def test_data_beside_the_model(tmp_path, execute, apply):
    path = write(tmp_path, location="w.data", offset="64", length="8192")
    (tmp_path / "w.data").write_bytes(b"\0" * 64 + VALUES.tobytes() + b"tail")
    model = load(path)
    assert np.array_equal(model.array(model.proto.graph.initializer[0]), VALUES)
    assert model.total_size == os.path.getsize(path) + 64 + 8192 + 4
    done = apply(path, "prune:sparsity=0.5")  # the result is one file
    x = np.ones((1, 64), "f4")
    assert not any(t.data_location for t in done.proto.graph.initializer)
    pruned = np.where(np.abs(VALUES) < np.median(np.abs(VALUES)), 0, VALUES)
    np.testing.assert_allclose(execute(done.path, {"x": x})[0], x @ pruned, rtol=1e-4, atol=1e-5)


def test_offset_and_length_may_be_missing(tmp_path):
    (tmp_path / "w.data").write_bytes(VALUES.tobytes())
    assert np.array_equal(weight(write(tmp_path, location="w.data")), VALUES)


def test_data_in_a_folder_below(tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "w.data").write_bytes(VALUES.tobytes())
    assert np.array_equal(weight(write(tmp_path, location="weights/w.data")), VALUES)


def test_one_file_for_many_tensors_is_opened_once(tmp_path):
    (tmp_path / "w.data").write_bytes(VALUES.tobytes())
    path = write(tmp_path, location="w.data")
    proto = onnx.load(path, load_external_data=False)
    for i in range(2000):
        proto.graph.initializer.add().CopyFrom(proto.graph.initializer[0])
        proto.graph.initializer[-1].name = f"W{i}"
    Path(path).write_bytes(proto.SerializeToString())
    before = len(os.listdir("/proc/self/fd"))
    model = load(path)
    assert len(os.listdir("/proc/self/fd")) <= before + 2
    assert model.total_size == os.path.getsize(path) + VALUES.nbytes


@pytest.mark.parametrize("location", ["../w.data", "a/../../w.data", "..", "a/.."])
def test_locations_outside_the_folder(tmp_path, location):
    (tmp_path / "w.data").write_bytes(VALUES.tobytes())
    assert "must stay in the model's folder" in refused(write(tmp_path / "models", location=location))


@pytest.mark.parametrize("location", ["/etc/passwd", "", "C:\\w.data", "C:w.data", "..\\w.data", "w\0.data"])
def test_locations_that_are_no_relative_path(tmp_path, location):
    assert "must be a path relative to the model's folder" in refused(write(tmp_path, location=location))


def test_no_location_at_all(tmp_path):
    assert "must be a path relative" in refused(write(tmp_path, offset="0"))


def test_a_symbolic_link_out_of_the_folder(tmp_path):
    (tmp_path / "secret").write_bytes(VALUES.tobytes())
    path = write(tmp_path / "models", location="w.data")
    (tmp_path / "models" / "w.data").symlink_to(tmp_path / "secret")
    assert "leaves the model's folder" in refused(path)


def test_a_linked_folder_out_of_the_folder(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "w.data").write_bytes(VALUES.tobytes())
    path = write(tmp_path / "models", location="in/w.data")
    (tmp_path / "models" / "in").symlink_to(tmp_path / "elsewhere")
    assert "leaves the model's folder" in refused(path)


def test_a_folder_whose_name_begins_alike_is_another(tmp_path):
    (tmp_path / "models-secret").mkdir()
    (tmp_path / "models-secret" / "w.data").write_bytes(VALUES.tobytes())
    path = write(tmp_path / "models", location="w.data")
    (tmp_path / "models" / "w.data").symlink_to(tmp_path / "models-secret" / "w.data")
    assert "leaves the model's folder" in refused(path)


def test_a_link_within_the_folder(tmp_path):
    (tmp_path / "real.data").write_bytes(VALUES.tobytes())
    path = write(tmp_path, location="w.data")
    (tmp_path / "w.data").symlink_to("real.data")
    assert np.array_equal(weight(path), VALUES)


def test_the_layout_of_the_hugging_face_cache(tmp_path):
    """Model and data are links into one folder of blobs; onnxruntime loads them too."""
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "main"
    write(blobs, location="model.onnx_data")
    (blobs / "model.onnx").rename(blobs / "aaaa")
    (blobs / "bbbb").write_bytes(VALUES.tobytes())
    snapshot.mkdir(parents=True)
    (snapshot / "model.onnx").symlink_to("../../blobs/aaaa")
    (snapshot / "model.onnx_data").symlink_to("../../blobs/bbbb")
    assert np.array_equal(weight(str(snapshot / "model.onnx")), VALUES)


def test_a_linked_folder_around_the_model(tmp_path):
    write(tmp_path / "real", location="w.data")
    (tmp_path / "real" / "w.data").write_bytes(VALUES.tobytes())
    (tmp_path / "link").symlink_to("real")
    assert np.array_equal(weight(str(tmp_path / "link" / "model.onnx")), VALUES)


def test_the_folder_is_the_models_not_the_current_one(tmp_path, monkeypatch):
    path = write(tmp_path / "models", location="w.data")
    (tmp_path / "models" / "w.data").write_bytes(VALUES.tobytes())
    monkeypatch.chdir(tmp_path / "models")
    assert np.array_equal(weight("model.onnx"), VALUES)
    monkeypatch.chdir(tmp_path)
    assert np.array_equal(weight("models/model.onnx"), VALUES)
    assert np.array_equal(weight(path), VALUES)


def test_not_a_regular_file(tmp_path):
    path = write(tmp_path, location="w.data")
    os.mkfifo(tmp_path / "w.data")
    assert "not a regular file" in refused(path)  # and does not wait for a writer
    (tmp_path / "w.data").unlink()
    (tmp_path / "w.data").mkdir()
    assert "not a regular file" in refused(path)
    assert "must stay" in refused(write(tmp_path, location="..")) and "not a regular file" in refused(
        write(tmp_path, location=".")
    )


def test_a_missing_file(tmp_path):
    assert "'w.data': No such file or directory" in refused(write(tmp_path, location="w.data"))


@pytest.mark.parametrize(
    ("offset", "length", "why"),
    [
        ("0", "8192", "needs 8192 bytes at 0 of w.data, which has 8000"),
        ("1", None, "needs 8192 bytes at 1"),
        ("9223372036854775807", None, "which has 8000"),
        ("18446744073709551615", None, "is not a number of bytes"),
        ("-1", None, "external offset '-1' is not a number of bytes"),
        ("1e3", None, "is not a number"),
        ("", None, "is not a number"),
        ("\u0663", None, "is not a number"),
        ("0x10", None, "is not a number"),
        (" 1", None, "is not a number"),
        ("0", "100", "external length 100, its shape needs 8192 bytes"),
        ("0", "99999999999", "external length 99999999999"),
        ("0", "-5", "is not a number of bytes"),
        ("0", "9" * 30, "is not a number of bytes"),
    ],
)
def test_bounds(tmp_path, offset, length, why):
    (tmp_path / "w.data").write_bytes(VALUES.tobytes()[:8000])
    entries = {"location": "w.data", "offset": offset} | ({"length": length} if length is not None else {})
    assert why in refused(write(tmp_path, **entries))


def test_strings_can_not_be_external(tmp_path):
    path = write(tmp_path, location="w.data")
    proto = onnx.load(path, load_external_data=False)
    proto.graph.initializer[0].data_type = TensorProto.STRING
    Path(path).write_bytes(proto.SerializeToString())
    assert "strings can't be external data" in refused(path)


def test_standard_input_has_no_folder(tmp_path, lwc):
    path = write(tmp_path, location="w.data")
    (tmp_path / "w.data").write_bytes(VALUES.tobytes())
    done = lwc("strip", "-o", "out.onnx", "--no-check", stdin=Path(path).read_bytes())
    assert done.returncode == 3 and b"a model on standard input can't have external data" in done.stderr
    assert not (tmp_path / "out.onnx").exists()


def test_data_in_subgraphs_and_constants_is_found(tmp_path):
    path = write(tmp_path, location="w.data")
    (tmp_path / "w.data").write_bytes(VALUES.tobytes())
    proto = onnx.load(path, load_external_data=False)
    node = proto.graph.node.add(op_type="Constant", output=["V"])
    node.attribute.add(name="value", type=4).t.CopyFrom(proto.graph.initializer[0])
    proto.graph.node[-1].attribute[0].t.external_data[0].value = "../secret"
    Path(path).write_bytes(proto.SerializeToString())
    assert "must stay" in refused(path)
