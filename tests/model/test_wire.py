"""The wire scan: payloads cut out and put back give the same message, and bad bytes only raise WireError."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import (
    AttributeProto,
    FunctionProto,
    GraphProto,
    ModelProto,
    NodeProto,
    SparseTensorProto,
    StringStringEntryProto,
    TensorProto,
    numpy_helper,
)

from lightweight_cli.model import tensors, wire

MARK = "lwc:0123456789abcdef:"
LARGE = 16
NAMES = st.sampled_from(["", "W", "a/b.c", "ünïcode", MARK, f"{MARK}7", "x" * 40])


@st.composite
def tensor(draw: st.DrawFn) -> TensorProto:
    t = TensorProto(name=draw(NAMES), doc_string=draw(NAMES))
    size = draw(st.integers(0, 12))
    t.dims.append(size)
    form = draw(st.sampled_from(["raw", "float", "double", "int64", "int32", "string", "complex", "external", "none"]))
    if form == "raw":
        t.data_type, t.raw_data = TensorProto.FLOAT, draw(st.binary(min_size=4 * size, max_size=4 * size))
    elif form == "float":
        t.data_type = TensorProto.FLOAT
        t.float_data.extend(range(size))
    elif form == "double":
        t.data_type = TensorProto.DOUBLE
        t.double_data.extend(range(size))
    elif form == "int64":
        t.data_type = TensorProto.INT64
        t.int64_data.extend(range(-size, 0))
    elif form == "int32":
        t.data_type = TensorProto.FLOAT16
        t.int32_data.extend(range(15000, 15000 + size))
    elif form == "string":
        t.data_type = TensorProto.STRING
        t.string_data.extend([b"text"] * size)
    elif form == "complex":
        t.data_type = TensorProto.COMPLEX64
        t.float_data.extend(range(2 * size))
    elif form == "external":
        t.data_type, t.data_location = TensorProto.INT8, TensorProto.EXTERNAL
        t.external_data.add(key="location", value="a file somewhere.bin")
    return t


@st.composite
def attribute(draw: st.DrawFn, depth: int) -> AttributeProto:
    a = AttributeProto(name=draw(NAMES))
    form = draw(st.sampled_from(["t", "tensors", "sparse", "s", *(["g", "graphs"] if depth else [])]))
    if form == "t":
        a.t.CopyFrom(draw(tensor()))
    elif form == "tensors":
        a.tensors.extend(draw(st.lists(tensor(), max_size=2)))
    elif form == "sparse":
        a.sparse_tensor.CopyFrom(SparseTensorProto(values=draw(tensor()), indices=draw(tensor())))
        a.sparse_tensors.add(values=draw(tensor()))
    elif form == "s":
        a.s = draw(st.binary(max_size=40))
    elif form == "g":
        a.g.CopyFrom(draw(graph(depth - 1)))
    else:
        a.graphs.extend(draw(st.lists(graph(depth - 1), max_size=2)))
    return a


@st.composite
def node(draw: st.DrawFn, depth: int) -> NodeProto:
    return NodeProto(op_type=draw(NAMES), input=[draw(NAMES)], attribute=draw(st.lists(attribute(depth), max_size=2)))


@st.composite
def graph(draw: st.DrawFn, depth: int = 2) -> GraphProto:
    return GraphProto(
        name=draw(NAMES),
        node=draw(st.lists(node(depth), max_size=2)),
        doc_string=draw(NAMES),
        initializer=draw(st.lists(tensor(), max_size=2)),
        sparse_initializer=[SparseTensorProto(values=v) for v in draw(st.lists(tensor(), max_size=1))],
    )


@st.composite
def models(draw: st.DrawFn) -> ModelProto:
    functions = [
        FunctionProto(name="f", node=draw(st.lists(node(1), max_size=2))) for _ in range(draw(st.integers(0, 1)))
    ]
    return ModelProto(
        ir_version=8,
        graph=draw(graph()),
        functions=functions,
        metadata_props=[StringStringEntryProto(key=draw(NAMES), value=draw(NAMES))],
    )


def joined(skeleton: bytes, buf: bytes, found: list[tuple[int, int]]) -> bytes:
    """Put the payloads back; the announced size is the real one."""
    pieces, size = wire.splice(skeleton, MARK, lambda i: found[i][1])
    whole = b"".join(
        buf[found[p.id][0] :][: found[p.id][1]] if isinstance(p, wire.Payload) else bytes(p) for p in pieces
    )
    assert len(whole) == size
    return whole


def raw(model: ModelProto) -> ModelProto:
    """Write listed floats as raw data: the same values."""
    for t in tensors.tensors(model):
        if (t.float_data and t.data_type == TensorProto.FLOAT) or t.double_data:
            t.CopyFrom(
                TensorProto(
                    name=t.name,
                    doc_string=t.doc_string,
                    dims=t.dims,
                    data_type=t.data_type,
                    raw_data=numpy_helper.to_array(t).tobytes(),
                )
            )
    return model


@settings(max_examples=60, deadline=None)
@given(models())
def test_cut_and_splice_give_the_same_model(model: ModelProto) -> None:
    buf = model.SerializeToString()
    skeleton, found = wire.cut(memoryview(buf), MARK, LARGE)
    ModelProto.FromString(skeleton)
    assert raw(ModelProto.FromString(joined(skeleton, buf, found))) == raw(model)


@settings(max_examples=60, deadline=None)
@given(models())
def test_a_reparsed_skeleton_gives_the_same_model(model: ModelProto) -> None:
    buf = model.SerializeToString()
    skeleton, found = wire.cut(buf, MARK, LARGE)
    again = ModelProto.FromString(skeleton).SerializeToString(deterministic=True)
    assert raw(ModelProto.FromString(joined(again, buf, found))) == raw(model)


@settings(max_examples=60, deadline=None)
@given(models())
def test_no_large_payload_of_a_known_layout_stays(model: ModelProto) -> None:
    skeleton = ModelProto.FromString(wire.cut(model.SerializeToString(), MARK, LARGE)[0])
    for t in tensors.tensors(skeleton):
        assert len(t.raw_data) < LARGE and 8 * len(t.double_data) < LARGE
        assert 4 * len(t.float_data) < LARGE or t.data_type != TensorProto.FLOAT


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_cut_or_refused(data: bytes) -> None:
    try:
        wire.cut(data, MARK, LARGE)
    except wire.WireError:
        return


@settings(max_examples=60, deadline=None)
@given(models(), st.data())
def test_damaged_models_are_cut_or_refused(model: ModelProto, data: st.DataObject) -> None:
    buf = bytearray(model.SerializeToString())
    for _ in range(data.draw(st.integers(1, 3))):
        buf[data.draw(st.integers(0, len(buf) - 1))] = data.draw(st.integers(0, 255))
    try:
        wire.cut(bytes(buf[: data.draw(st.integers(1, len(buf)))]), MARK, LARGE)
    except wire.WireError:
        return


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x3a", "cut off inside a number"),
        (b"\x3a\x05\x08", "cut off inside a field"),
        (b"\x0d\x00", "cut off inside a field"),
        (b"\x00\x00", "field number 0"),
        (b"\x0b", "wire type 3"),
        (b"\x08" + b"\xff" * 11, "more than 10 bytes"),
        (b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "cut off inside a field"),
    ],
)
def test_malformed_bytes_say_what_is_wrong(data: bytes, why: str) -> None:
    with pytest.raises(wire.WireError, match=why):
        wire.cut(data, MARK)


def test_nesting_is_bounded() -> None:
    inner = b"\x00" * 2000
    for _ in range(80):  # graph > node > attribute > graph > ...
        for number in (6, 5, 1):
            inner = wire.header(number, len(inner)) + inner
    with pytest.raises(wire.WireError, match="nested more than 100 deep"):
        wire.cut(wire.header(7, len(inner)) + inner, MARK)


def test_unknown_fields_stay_where_they_are() -> None:
    t = TensorProto(
        name="W", data_type=TensorProto.FLOAT, dims=[500], raw_data=np.arange(500, dtype="f4").tobytes()
    ).SerializeToString()
    t += wire.header(999, 5) + b"later"
    g = wire.header(5, len(t)) + t + wire.header(888, 2) + b"on"
    buf = b"\x08\x08" + wire.header(7, len(g)) + g + wire.header(777, 3) + b"too"
    skeleton, found = wire.cut(buf, MARK)
    assert len(skeleton) < 200
    whole = joined(skeleton, buf, found)
    assert len(whole) == len(buf) and ModelProto.FromString(whole) == ModelProto.FromString(buf)


def test_unpacked_and_repeated_floats_are_left_to_protobuf() -> None:
    loose = b"".join(b"\x25" + np.float32(i).tobytes() for i in range(600))
    runs = (wire.header(4, 1200) + np.arange(300, dtype="f4").tobytes()) * 2
    for body in (loose, runs):
        t = b"\x08\xd8\x04\x10\x01" + body
        g = wire.header(5, len(t)) + t
        buf = wire.header(7, len(g)) + g
        skeleton, found = wire.cut(buf, MARK)
        assert not found and skeleton == buf
        assert len(ModelProto.FromString(buf).graph.initializer[0].float_data) == 600


def test_references_to_another_file() -> None:
    values = np.arange(500, dtype="f4")
    model = ModelProto(ir_version=8, graph=GraphProto(initializer=[numpy_helper.from_array(values, "W")]))
    skeleton, _ = wire.cut(model.SerializeToString(), MARK)
    pieces, size = wire.splice(
        skeleton, MARK, lambda i: wire.external(("location", "w.data"), ("offset", "64"), ("length", "2000"))
    )
    data = b"".join(map(bytes, pieces))  # type: ignore[arg-type]
    tensor = ModelProto.FromString(data).graph.initializer[0]
    assert len(data) == size and tensor.data_location == TensorProto.EXTERNAL
    assert [(e.key, e.value) for e in tensor.external_data] == [
        ("location", "w.data"),
        ("offset", "64"),
        ("length", "2000"),
    ]


@given(st.integers(0, (1 << 64) - 1))
def test_varints(value: int) -> None:
    data = wire.encode_varint(value)
    assert wire.varint(data, 0, len(data)) == (value, len(data))


@pytest.mark.parametrize("entries", [[("location", "w.data")], [("location", "ü" * 90), ("offset", "64"), ("length", "2" * 300)], []])
def test_references_have_the_size_that_is_told(entries):
    assert wire.external_size(*entries) == len(wire.external(*entries))
