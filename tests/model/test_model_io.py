"""Reading a model: what is accepted, what is refused in one line, and that payloads stay in the file."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from lightweight_cli.errors import InputError
from lightweight_cli.model import tensors
from lightweight_cli.model.load import load
from lightweight_cli.model.model import Model
from lightweight_cli.model.output_external import single_pieces, write_candidate

LINEAR = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[1,64] x) => (float[1,32] y) <float[64,32] W, float[32] B> { h = MatMul (x, W)  y = Add (h, B) }
"""


def refused(path: str | Path) -> str:
    """Return the error's text: one line that begins with the file's name."""
    with pytest.raises(InputError) as caught:
        load(str(path))
    text = str(caught.value)
    assert "\n" not in text and text.startswith(str(path)[:70]) and caught.value.exit_code == 3
    return text


def initializer(model: Model, name: str) -> TensorProto:
    return next(t for t in model.proto.graph.initializer if t.name == name)


def test_payloads_stay_in_the_file(save):
    path = save(LINEAR)
    model = load(path)
    big, small = initializer(model, "W"), initializer(model, "B")
    blob = model.blob(big)
    assert blob is not None and blob.source is model.source and blob.length == 64 * 32 * 4
    assert model.blob(small) is None and len(model.serialized()) < 1000
    assert model.total_size == model.file_size == os.path.getsize(path)
    expected = {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
    for tensor in (big, small):
        assert np.array_equal(model.array(tensor), expected[tensor.name])
        assert np.array_equal(np.concatenate(list(model.chunks(tensor, 7))), expected[tensor.name].reshape(-1))
        assert np.array_equal(model.read(tensor, 5, 3), expected[tensor.name].reshape(-1)[5:8])
    stored = next(t for t in onnx.load(path).graph.initializer if t.name == "W")
    assert model.nbytes(big) == stored.ByteSize()
    assert model.digest == hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_an_untouched_model_is_written_as_it_was(save):
    path = save(LINEAR)
    model = load(path)
    candidate = write_candidate(model, path + ".out")
    candidate.publish()
    candidate.discard()
    assert single_pieces(model)[1] == os.path.getsize(path)
    assert onnx.load(path + ".out") == onnx.load(path)


@pytest.mark.parametrize(
    "kind", sorted(k for k in tensors.BITS if k not in (TensorProto.COMPLEX64, TensorProto.COMPLEX128))
)
def test_every_element_type_is_read_alike_inline_and_apart(save, kind):
    name = TensorProto.DataType.Name(kind)
    for count in (5, 4099):
        values = np.random.default_rng(0).integers(1, 3, count).astype(helper.tensor_dtype_to_np_dtype(kind))
        tensor = numpy_helper.from_array(values, "W")
        assert tensor.data_type == kind
        proto = ModelProto(
            ir_version=13,
            opset_import=[helper.make_opsetid("", 25)],
            graph=helper.make_graph([], "g", [], [helper.make_tensor_value_info("W", kind, [count])], [tensor]),
        )
        model = load(save(proto, name))
        found = model.proto.graph.initializer[0]
        assert np.array_equal(model.array(found), values) and model.array(found).dtype == values.dtype
        assert np.array_equal(model.read(found, 2, 3), values[2:5])


def test_listed_floats_become_raw(save):
    values = np.random.default_rng(0).normal(size=600).astype("f4")
    for data, dtype in (
        (dict(float_data=values, data_type=TensorProto.FLOAT), "f4"),
        (dict(double_data=values, data_type=TensorProto.DOUBLE), "f8"),
    ):
        proto = onnx.parser.parse_model(LINEAR.replace("<float[64,32] W, float[32] B>", ""))
        proto.graph.initializer.add(name="V", dims=[600], **data)
        model = load(save(proto))
        tensor = model.proto.graph.initializer[0]
        assert model.blob(tensor) is not None and np.array_equal(model.array(tensor), values.astype(dtype))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the file is empty"),
        (b"hello, this is a note\n", "plain text"),
        (b"\x00" * 100, "zero bytes"),
        (b"PK\x03\x04" + b"\0" * 60, "ZIP"),
        (b"\x93NUMPY\x01\x00" + b"\0" * 90, "NumPy"),
        (b"\x08\x08", "no graph"),
        (b"\x08\x08:\x00:\x00", "more than one model"),
        (b":\x00", "no ir_version"),
        (b"\x08\x08:\x00", "no opset_import"),
        (b"\x08\x08:\x00\x42\x02\x10\x00", "opset 0"),
        (b"\xff" * 50, "not an ONNX model"),
    ],
)
def test_what_is_no_model_is_refused(tmp_path, content, why):
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    assert why in refused(path)


def test_a_cut_off_file_is_refused_wherever_it_ends(save, tmp_path):
    data = Path(save(LINEAR)).read_bytes()
    for end in [*range(1, 200, 13), len(data) // 2, len(data) - 1]:
        (tmp_path / "cut.onnx").write_bytes(data[:end])
        refused(tmp_path / "cut.onnx")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (dict(dims=[64, 33]), "tensor W: 8192 bytes of data where its shape [64, 33] needs 8448"),
        (dict(dims=[64, -32]), "negative dimension"),
        (dict(dims=[1 << 40, 1 << 40]), "larger than any memory"),
        (dict(data_type=0), "data type 0"),
        (dict(data_type=99), "data type 99"),
        (dict(data_type=TensorProto.INT4), "bytes of data"),
    ],
)
@pytest.mark.parametrize("place", ["initializer", "Constant", "subgraph"])
def test_a_tensor_that_can_not_be_is_refused(parse, save, place, change, why):
    proto = parse(LINEAR)
    tensor = next(t for t in proto.graph.initializer if t.name == "W")
    for key, value in change.items():
        if key == "dims":
            del tensor.dims[:]
            tensor.dims.extend(value)
        else:
            setattr(tensor, key, value)
    if place != "initializer":
        node = helper.make_node("Constant", [], ["W"])
        node.attribute.add(name="value", type=4).t.CopyFrom(tensor)
        if place == "subgraph":
            inner = helper.make_graph([node], "inner", [], [])
            node = helper.make_node("If", ["c"], ["W"])
            node.attribute.add(name="then_branch", type=5).g.CopyFrom(inner)
        proto.graph.node.insert(0, node)
        proto.graph.initializer.remove(tensor)
    assert why in refused(save(proto))


def test_short_inline_data_is_refused(parse, save):
    proto = parse(LINEAR)
    small = next(t for t in proto.graph.initializer if t.name == "B")
    small.raw_data = small.raw_data[:-4]
    assert "tensor B: 124 bytes of data where its shape [32] needs 128" in refused(save(proto))
    small.ClearField("raw_data")
    small.float_data.extend([1.0] * 33)
    assert "tensor B: 33 elements of data where its shape [32] needs 32" in refused(save(proto))


def test_names_from_the_model_are_escaped(parse, save):
    proto = parse(LINEAR)
    proto.graph.initializer[0].name = "W\x1b[31m\nred" + "x" * 500
    del proto.graph.initializer[0].dims[:]
    text = refused(save(proto))
    assert "\x1b" not in text and "\\x1b" in text and len(text) < 400


def test_other_places_than_files(tmp_path):
    assert "no such file" in refused(tmp_path / "missing.onnx")
    assert "is a directory" in refused(tmp_path)
    assert "neither a file nor a pipe" in refused("/dev/null")


def test_a_pipe_that_nobody_writes_to_is_empty(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    assert "the file is empty" in refused(tmp_path / "fifo")


def test_a_file_without_read_permission(save):
    path = save(LINEAR)
    os.chmod(path, 0)
    if os.access(path, os.R_OK):
        pytest.skip("runs as root")
    assert "Permission denied" in refused(path)


def test_a_file_that_shrinks_while_it_is_read(save):
    path = save(LINEAR)
    model = load(path)
    os.truncate(path, 1000)
    with pytest.raises(InputError, match="became shorter while it was read"):
        model.array(initializer(model, "W"))


def test_another_models_references_are_not_followed(parse, save):
    """A file can't name payloads that only the skeleton may name."""
    proto = parse(LINEAR)
    tensor = next(t for t in proto.graph.initializer if t.name == "W")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="lwc:0000000000000000:0")
    assert "external data" in refused(save(proto))


@pytest.mark.parametrize("old", [b"MatMul", b"WWWWWW", b"xxxxxx", b"yyyyyy"])
def test_names_that_are_not_utf8(tmp_path, parse, old):
    text = LINEAR.replace("W", "WWWWWW").replace(" x)", " xxxxxx)").replace("x,", "xxxxxx,").replace("y", "yyyyyy")
    data = parse(text.replace("tyyyyyype", "type")).SerializeToString()
    path = tmp_path / "m.onnx"
    path.write_bytes(data.replace(old, b"\xff" * 6))
    assert "a name in the model is not UTF-8" in refused(path)


def test_a_doc_string_that_is_not_utf8_is_kept(tmp_path, parse, apply):
    proto = parse(LINEAR)
    proto.graph.doc_string = "D" * 9
    path = tmp_path / "m.onnx"
    path.write_bytes(proto.SerializeToString().replace(b"D" * 9, b"\xff" * 9))
    assert b"\xff" * 9 in Path(apply(str(path), "quantize").path).read_bytes()


@pytest.mark.parametrize("places, says", [([0, 2048], "index 2048"), ([-1, 5], "index -1"), ([[0, 0], [3, 32]], "index 32"),
                                          ([0, 2047], None), ([[0, 0], [63, 31]], None)])
def test_places_of_a_sparse_initializer_lie_within_its_shape(save, parse, places, says):
    proto = parse(LINEAR)
    del proto.graph.initializer[next(i for i, t in enumerate(proto.graph.initializer) if t.name == "W")]
    values = numpy_helper.from_array(np.ones(2, np.float32), "W")
    proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, numpy_helper.from_array(np.array(places), "p"), [64, 32]))
    if says is None:
        load(save(proto))
    else:
        with pytest.raises(InputError, match=rf"sparse initializer 'W': {says} is outside its shape \[64, 32\]"):
            load(save(proto))
