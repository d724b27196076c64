"""What is stored: the header of a tensor, or of a long list in an attribute, and where its bytes lie."""

from __future__ import annotations

from lightweight_cli.inspect.scan import scan, text
from lightweight_cli.model.wire import EXTERNAL_DATA, RAW_DATA, WireError, varint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lightweight_cli.inspect.scan import Buffer

# TensorProto.DataType -> name, bits of an element (0: as long as it is).
DTYPES: dict[int, tuple[str, int]] = {
    1: ("float32", 32), 2: ("uint8", 8), 3: ("int8", 8), 4: ("uint16", 16), 5: ("int16", 16), 6: ("int32", 32),
    7: ("int64", 64), 8: ("string", 0), 9: ("bool", 8), 10: ("float16", 16), 11: ("float64", 64), 12: ("uint32", 32),
    13: ("uint64", 64), 14: ("complex64", 64), 15: ("complex128", 128), 16: ("bfloat16", 16), 17: ("float8e4m3fn", 8),
    18: ("float8e4m3fnuz", 8), 19: ("float8e5m2", 8), 20: ("float8e5m2fnuz", 8), 21: ("uint4", 4), 22: ("int4", 4),
    23: ("float4e2m1", 4), 24: ("float8e8m0", 8), 25: ("uint2", 2), 26: ("int2", 2), 27: ("float6e2m3", 6),
    28: ("float6e3m2", 6),
}  # fmt: skip
FLOATS = frozenset({1, 10, 11, 16, 17, 18, 19, 20, 23, 27, 28})
INT32, INT64, STRING, FLOAT, DOUBLE = 6, 7, 8, 1, 11
# Tags of the fields with values: packed lists and raw bytes (length-delimited), then single numbers.
DATA_TAGS = frozenset({34, 42, 50, 58, 74, 82, 90, 37, 40, 56, 81, 88})
RAW_TAG, INT64_TAG = RAW_DATA << 3 | 2, 58
SHAPE_BYTES = 512
"""The largest int64 tensor that is read as a possible shape, or the sizes of the parts of a bundle: 64 numbers."""
VALUE_BYTES_ABOVE_7_BITS = bytes(range(128, 256))


class Tensor:
    """The header of stored values.

    `at` and `nbytes` place the bytes in the model file; for external data, `external` holds the entries instead.
    `tag` is the field they were found in: raw_data has one layout, int32_data another. Of a tensor so small that it
    may be a shape, `data` holds the bytes.
    """

    __slots__ = ("at", "data", "dims", "dtype", "external", "name", "nbytes", "sparse", "tag")

    def __init__(self, name: str = "", dtype: int = 0, dims: tuple[int, ...] = (), nbytes: int = 0) -> None:
        self.name, self.dtype, self.dims, self.nbytes = name, dtype, dims, nbytes
        self.at = self.tag = 0
        self.data = b""
        self.external: dict[str, str] | None = None
        self.sparse = False

    @property
    def type_name(self) -> str:
        """The element type as people write it, or "type 99"."""
        return DTYPES[self.dtype][0] if self.dtype in DTYPES else f"type {self.dtype}"

    def integers(self) -> list[int] | None:
        """The values of a small int64 tensor, as a shape is one, or of raw int32; None for any other tensor."""
        width = {INT64: 8, INT32: 4 if self.tag == RAW_TAG else 0}.get(self.dtype, 0)
        if not width or not self.data:
            return None
        if self.tag == RAW_TAG:
            return [int.from_bytes(self.data[i : i + width], "little", signed=True) for i in range(0, len(self.data), width)]
        values, at = [], 0
        while at < len(self.data):
            value, at = varint(self.data, at, len(self.data))
            values.append(value - (1 << 64) if value >> 63 else value)
        return values


def tensor(buf: Buffer, at: int, end: int, base: int = 0) -> Tensor:
    """Read the TensorProto `buf[at:end]`, of which `buf[0]` stands at `base` in the file."""
    found, dims = Tensor(), []
    for tag, at, end in scan(buf, at, end):  # noqa: B020
        if tag == 8:
            dims.append(at)
        elif tag == 10:
            while at < end:
                size, at = varint(buf, at, end)
                dims.append(size)
        elif tag == 16:
            found.dtype = at
        elif tag == 66:
            found.name = text(buf, at, end)
        elif tag in DATA_TAGS:
            found.tag = tag
            found.at = base + at
            found.nbytes += end - at
            if end - at <= SHAPE_BYTES and tag in (RAW_TAG, INT64_TAG):
                found.data = bytes(buf[at:end])
        elif tag == EXTERNAL_DATA << 3 | 2:
            entry = {tag: text(buf, at, end) for tag, at, end in scan(buf, at, end) if tag in (10, 18)}
            found.external = {**(found.external or {}), entry.get(10, ""): entry.get(18, "")}
    if any(size >> 63 for size in dims):
        raise WireError("a tensor with a negative dimension")
    found.dims = tuple(dims)
    if found.external:
        length = found.external.get("length", "")
        found.nbytes = int(length) if length.isdecimal() and len(length) < 19 else -1
    return found


def sparse_tensor(buf: Buffer, at: int, end: int, base: int = 0) -> Tensor:
    """Read the SparseTensorProto `buf[at:end]` as one tensor, of the dense shape."""
    values, nbytes, dims = Tensor(), 0, []
    for tag, at, end in scan(buf, at, end):  # noqa: B020
        if tag == 10:
            values = tensor(buf, at, end, base)
            nbytes += max(values.nbytes, 0)
        elif tag == 18:
            nbytes += max(tensor(buf, at, end, base).nbytes, 0)
        elif tag == 24:
            dims.append(at)
        elif tag == 26:
            while at < end:
                size, at = varint(buf, at, end)
                dims.append(size)
    values.nbytes, values.dims, values.sparse = nbytes, tuple(dims), True
    return values


def listed(buf: Buffer, at: int, end: int, base: int) -> Tensor | None:
    """Read an AttributeProto whose value is one long list of floats, ints or strings, without walking it.

    Returns: the list as a tensor of rank 1, or None for any other attribute.
    """
    if buf[at] != 10:
        return None
    length, begin = varint(buf, at + 1, end)
    first = begin + length
    if first >= end or buf[first] not in (61, 64, 74, 34):
        return None
    last = end - 3 if buf[end - 3 : end - 1] == b"\xa0\x01" else end  # the type, which writers put at the end
    data = bytes(buf[first:last])
    found = Tensor(text(buf, begin, first), nbytes=last - first)
    found.at = base + first
    if data[0] == 61:  # every float has a tag before its four bytes
        found.dtype, count = FLOAT, len(data) // 5
    elif data[0] == 64:  # a tag and a varint: of each, only the last byte is below 128
        found.dtype, count = INT64, len(data.translate(None, VALUE_BYTES_ABOVE_7_BITS)) // 2
    else:
        found.dtype, count = STRING, len(scan(data, 0, len(data)))
    found.dims = (count,)
    return found


MOST = 1 << 63


def elements(dims: tuple[int, ...]) -> int:
    """Return how many elements a tensor of this shape has; at most MOST, as a shape may claim anything."""
    count = 1
    for size in dims:
        count *= size
    return count if -MOST < count < MOST else MOST
