"""The protobuf wire format of a model: large payloads cut out, and put back.

`cut` copies a serialized ModelProto without the bytes of its large tensors: in their place
stands an external-data entry that names the place they were found at. What is left, the skeleton, is
small whatever the model's size. `splice` is the inverse: it takes a serialized skeleton and returns
the pieces of the whole message, literal bytes and payloads, with every enclosing length corrected.

Source: protobuf encoding, protobuf.dev/programming-guides/encoding; field numbers: onnx.proto.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

VARINT, I64, LEN, I32 = 0, 1, 2, 5
MAX_DEPTH = 100
"""Messages within messages: the limit of protobuf's own parsers."""
LARGE = 1024
"""Bytes from which a tensor's payload is cut out; below, the reference costs about as much."""

# Message kinds, each with the fields that lead to tensors: field number -> kind.
Kind: TypeAlias = str
CHILDREN: dict[Kind, dict[int, Kind]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "function": {7: "node"},
}
DIMS, DATA_TYPE, FLOAT_DATA, NAME, RAW_DATA, DOUBLE_DATA, EXTERNAL_DATA, DATA_LOCATION = 1, 2, 4, 8, 9, 10, 13, 14
DATA_FIELDS = {FLOAT_DATA, 5, 6, 7, RAW_DATA, DOUBLE_DATA, 11}
FLOAT, DOUBLE = 1, 11
BYTES = tuple(bytes([i]) for i in range(128))
Buffer: TypeAlias = "bytes | memoryview"


class Field(NamedTuple):
    """One field of a message: its tag starts at `start`, its value is `buf[begin:end]`."""

    number: int
    wire: int
    start: int
    begin: int
    end: int
    value: int


class Payload(NamedTuple):
    """A tensor's bytes that are stored elsewhere."""

    id: int
    length: int


Piece: TypeAlias = "bytes | memoryview | Payload"


class WireError(ValueError):
    """Bytes that are not a well-formed protobuf message."""


def varint(buf: Buffer, at: int, end: int) -> tuple[int, int]:
    """Read a varint at `at`: (value, position after it)."""
    value = shift = 0
    while at < end:
        byte = buf[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
        if shift > 63:
            raise WireError("a varint of more than 10 bytes")
    raise WireError("cut off inside a number")


def fields(buf: Buffer, at: int, end: int) -> Iterator[Field]:
    """Yield the fields of the message `buf[at:end]`.

    Raises: WireError when the bytes end too early or hold an unknown wire type.
    """
    while at < end:
        start = at
        tag, at = (buf[at], at + 1) if buf[at] < 128 else varint(buf, at, end)
        wire, number, value = tag & 7, tag >> 3, 0
        if number == 0:
            raise WireError("field number 0")
        if wire == LEN:
            length, begin = (buf[at], at + 1) if at < end and buf[at] < 128 else varint(buf, at, end)
            at = begin + length
        elif wire == VARINT:
            begin = at
            value, at = varint(buf, at, end)
        elif wire == I64:
            begin, at = at, at + 8
        elif wire == I32:
            begin, at = at, at + 4
        else:
            raise WireError(f"wire type {wire}")
        if at > end:
            raise WireError("cut off inside a field")
        yield Field(number, wire, start, begin, at, value)


def encode_varint(value: int) -> bytes:
    """Return `value` as a varint."""
    if value < 128:
        return BYTES[value]
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def header(number: int, length: int) -> bytes:
    """Return tag and length of a length-delimited field."""
    return encode_varint(number << 3 | LEN) + encode_varint(length)


def framed(size: int) -> int:
    """Return the bytes of a length-delimited field of `size` bytes with a one-byte tag."""
    return 2 + size if size < 128 else 1 + -(-size.bit_length() // 7) + size


def entry(key: str, value: str) -> bytes:
    """Return one external_data entry (StringStringEntryProto) with its tag."""
    k, v = key.encode(), value.encode()
    body = header(1, len(k)) + k + header(2, len(v)) + v
    return header(EXTERNAL_DATA, len(body)) + body


def external(*entries: tuple[str, str]) -> bytes:
    """Return the fields that make a TensorProto refer to external data."""
    return b"".join(entry(k, v) for k, v in entries) + encode_varint(DATA_LOCATION << 3) + b"\x01"


def external_size(*entries: tuple[str, str]) -> int:
    """Return how many bytes those fields take."""
    return 2 + sum(framed(framed(len(k.encode())) + framed(len(v.encode()))) for k, v in entries)


def cut(buf: Buffer, mark: str, large: int = LARGE) -> tuple[bytes, list[tuple[int, int]]]:
    """Copy the model in `buf` without its large payloads.

    A payload of `large` bytes or more becomes external data with location "<mark><index>".
    Returns: the skeleton's bytes, and (offset, length) in `buf` of each payload, by index.
    Raises: WireError.
    """
    found: list[tuple[int, int]] = []

    def message(kind: Kind, at: int, end: int, depth: int) -> list[Piece]:
        if depth > MAX_DEPTH:
            raise WireError(f"messages nested more than {MAX_DEPTH} deep")
        if kind == "tensor":
            return tensor(at, end)
        children, out, kept = CHILDREN[kind], [], at
        for f in fields(buf, at, end):
            child = children.get(f.number) if f.wire == LEN and f.end - f.begin >= large else None
            if child is None:
                continue
            inner = message(child, f.begin, f.end, depth + 1)
            out += [buf[kept : f.start], header(f.number, sum(map(len, inner))), *inner]
            kept = f.end
        return [*out, buf[kept:end]]

    def tensor(at: int, end: int) -> list[Piece]:
        parts = list(fields(buf, at, end))
        data = [f for f in parts if f.number in DATA_FIELDS or f.number == DATA_LOCATION]
        if len(data) != 1 or data[0].wire != LEN or data[0].end - data[0].begin < large:
            return [buf[at:end]]
        kind = next((f.value for f in parts if f.number == DATA_TYPE), 0)
        if data[0].number != RAW_DATA and (data[0].number, kind) not in ((FLOAT_DATA, FLOAT), (DOUBLE_DATA, DOUBLE)):
            return [buf[at:end]]
        found.append((data[0].begin, data[0].end - data[0].begin))
        mine = external(("location", f"{mark}{len(found) - 1}"))
        return [buf[at : data[0].start], buf[data[0].end : end], mine]

    return b"".join(message("model", 0, len(buf), 0)), found  # type: ignore[arg-type]


def splice(skeleton: bytes, mark: str, refer: Callable[[int], int | bytes]) -> tuple[list[Piece], int]:
    """Return the pieces of the whole model for a serialized skeleton, and their total length.

    `refer(id)` says how the payload marked "<mark><id>" is written: its length, to put it inline, or
    the bytes of external-data fields, to refer to it in another file.
    Raises: WireError.
    """
    needle = mark.encode()

    def message(kind: Kind, at: int, end: int) -> tuple[list[Piece], int]:
        if kind == "tensor":
            return tensor(at, end)
        children, out, size, kept = CHILDREN[kind], [], 0, at
        for f in fields(skeleton, at, end):
            if f.wire != LEN or f.number not in children or skeleton.find(needle, f.begin, f.end) < 0:
                continue
            inner, length = message(children[f.number], f.begin, f.end)
            head = skeleton[kept : f.start] + header(f.number, length)
            out += [head, *inner]
            size += len(head) + length
            kept = f.end
        rest = skeleton[kept:end]
        return [*out, rest], size + len(rest)

    def tensor(at: int, end: int) -> tuple[list[Piece], int]:
        parts = list(fields(skeleton, at, end))
        ids = [skeleton[f.begin : f.end].split(needle)[1] for f in parts
               if f.number == EXTERNAL_DATA and needle in skeleton[f.begin : f.end]]
        if not ids:  # the mark stands in a name, by chance
            return [skeleton[at:end]], end - at
        plain = b"".join(skeleton[f.start : f.end] for f in parts if f.number not in (EXTERNAL_DATA, DATA_LOCATION))
        told = refer(int(ids[0]))
        if isinstance(told, bytes):
            return [plain + told], len(plain) + len(told)
        plain += header(RAW_DATA, told)
        return [plain, Payload(int(ids[0]), told)], len(plain) + told

    return message("model", 0, len(skeleton))
