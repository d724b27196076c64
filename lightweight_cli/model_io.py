"""A model in memory: a skeleton ModelProto whose large payloads stay in their files."""

from __future__ import annotations

import mmap
import os
import secrets
import stat
import sys
import tempfile
from collections.abc import Iterator
from functools import cached_property

import numpy as np
from google.protobuf.message import DecodeError
from onnx import ModelProto, TensorProto, numpy_helper

from lightweight_cli import sniff, tensors, wire
from lightweight_cli.blobs import COPY, Blob, Source, Spool, Writer
from lightweight_cli.errors import InputError, printable
from lightweight_cli.external import Folder
from lightweight_cli.names import check_entries, check_names
from lightweight_cli.step_report import StepReport

INLINE = 256
"""Bytes up to which new payloads are written into the skeleton itself."""


class Model:
    """A ModelProto whose large tensors refer to blobs, and the file it came from.

    `proto` is a valid ModelProto but for its large payloads, which are external data of location
    "<mark><n>": `blobs[n]` holds them. Passes change `proto` in place and tell `step` what they do.
    """

    def __init__(self, proto: ModelProto, source: Source, size: int, total: int, path: str | None) -> None:
        self.proto = proto
        self.source = source
        self.file_size = size
        self.total_size = total
        self.path = path
        self.blobs: list[Blob] = []
        self.mark = f"lwc:{secrets.token_hex(8)}:"
        self.spool = Spool()
        self.step = StepReport("")

    def blob(self, tensor: TensorProto) -> Blob | None:
        """Return the payload of a tensor that is stored apart, or None."""
        if tensor.data_location != TensorProto.EXTERNAL or not tensor.external_data:
            return None
        return self.blobs[int(tensor.external_data[0].value[len(self.mark) :])]

    def nbytes(self, tensor: TensorProto) -> int:
        """Return the bytes a tensor takes in the file, its name and shape included."""
        blob = self.blob(tensor)
        if blob is None:
            return tensor.ByteSize()
        reference = len(wire.external(*((e.key, e.value) for e in tensor.external_data)))
        return tensor.ByteSize() - reference + len(wire.header(wire.RAW_DATA, blob.length)) + blob.length

    def read(self, tensor: TensorProto, start: int = 0, count: int = -1, out: np.ndarray | None = None) -> np.ndarray:
        """Return elements [start, start + count) in flat order; where they are read from a file, in `out` if that is of their type."""
        blob, dtype = self.blob(tensor), tensors.dtype_of(tensor)
        if blob is not None and tensors.BITS[tensor.data_type] >= 8:
            return blob.array(dtype, start, count, out if out is not None and out.dtype == dtype else None)
        whole = self.array(tensor).reshape(-1)
        return whole[start:] if count < 0 else whole[start : start + count]

    def array(self, tensor: TensorProto) -> np.ndarray:
        """Return the whole tensor."""
        blob = self.blob(tensor)
        if blob is None:
            return numpy_helper.to_array(tensor)
        if tensors.BITS[tensor.data_type] >= 8:
            return blob.array(tensors.dtype_of(tensor)).reshape(tuple(tensor.dims))
        return numpy_helper.to_array(TensorProto(dims=tensor.dims, data_type=tensor.data_type, raw_data=blob.bytes()))

    def chunks(self, tensor: TensorProto, count: int = 1 << 20) -> Iterator[np.ndarray]:
        """Yield the elements in flat order, `count` at a time."""
        size = tensors.size_of(tensor)
        for start in range(0, size, count):
            yield self.read(tensor, start, min(count, size - start))

    def attach(self, tensor: TensorProto, blob: Blob) -> None:
        """Make `blob` the payload of `tensor`."""
        tensor.ClearField("external_data")
        tensor.ClearField("data_location")
        for field in ("raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data"):
            tensor.ClearField(field)
        if blob.length <= INLINE:
            tensor.raw_data = blob.bytes()
            return
        tensor.external_data.add(key="location", value=f"{self.mark}{len(self.blobs)}")
        tensor.data_location = TensorProto.EXTERNAL
        self.blobs.append(blob)

    def adopt(self, other: Model) -> None:
        """Take over the content of `other`; the file this model came from stays what it is."""
        self.proto.CopyFrom(other.proto)
        self.blobs, self.mark = other.blobs, other.mark

    def reserve(self, length: int) -> Writer:
        """Return a writer for a new payload."""
        return self.spool.reserve(length)

    def serialized(self) -> bytes:
        """Return the skeleton's bytes, the same for the same model."""
        return self.proto.SerializeToString(deterministic=True)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the model file the model was read from."""
        import hashlib

        h = hashlib.sha256()
        for chunk in Blob(self.file_size, self.source).chunks():
            h.update(chunk)
        return h.hexdigest()

    @property
    def reopened(self) -> str:
        """A path for a child process that inherits `source.fd`: the very file that was read, whatever its name."""
        external = self.total_size != self.file_size
        return str(self.path) if external else f"/dev/fd/{self.source.fd}"

    @property
    def shown(self) -> str:
        """The name of the input for messages."""
        return printable(self.path or "standard input")


def load(path: str | None) -> Model:
    """Read the model file `path`; None or "-" is standard input.

    Raises: InputError when it can't be read or is no ONNX model.
    """
    path = None if path == "-" else path
    source = open_source(path)
    try:
        return load_source(source, path)
    except BaseException:
        source.close()
        raise


def load_source(source: Source, path: str | None) -> Model:
    """Read a model from an open file; `path` is where its external data would be. Raises: InputError."""
    shown = printable(path or source.name)
    size = os.fstat(source.fd).st_size
    head = Blob(min(size, 512), source).bytes()
    if size == 0:
        raise InputError(f"{shown}: the file is empty, not an ONNX model")
    named = os.path.realpath(path) if path and stat.S_ISREG(os.stat(path).st_mode) else None
    mapped = mmap.mmap(source.fd, 0, access=mmap.ACCESS_READ)
    view = memoryview(mapped)
    model = Model(ModelProto(), source, size, size, path)
    try:
        skeleton, found = wire.cut(view, model.mark)
        model.proto.ParseFromString(skeleton)
    except (wire.WireError, DecodeError, RecursionError) as e:
        why = sniff.explain(head, size) or f"not an ONNX model, or damaged: {printable(e)}"
        raise InputError(f"{shown}: {why}") from e
    repeated = [f.number for f in wire.fields(view, 0, size) if f.number in (1, 7)]
    view.release()
    mapped.close()  # not after an error: its trace still holds slices
    if 7 not in repeated:
        raise InputError(f"{shown}: {sniff.explain(head, size) or 'not an ONNX model: it has no graph'}")
    if len(repeated) != len(set(repeated)):
        raise InputError(f"{shown}: more than one model in the file")
    model.blobs = [Blob(length, source, offset) for offset, length in found]
    try:
        check(model, Folder(path if named else None))
    except InputError as e:
        raise InputError(f"{shown}: {e}") from e
    return model


def check(model: Model, folder: Folder) -> None:
    """Validate versions and every tensor; turn external data into blobs. Raises: InputError."""
    proto = model.proto
    if proto.ir_version < 1:
        raise InputError("not an ONNX model: no ir_version")
    if not proto.opset_import:
        raise InputError("no opset_import: it can't be known what the operators mean")
    for opset in proto.opset_import:
        if opset.version < 1:
            raise InputError(f"opset {opset.version} of domain {printable(opset.domain) or 'ai.onnx'!r} can't be")
    check_names(proto)
    for tensor in tensors.tensors(proto):
        tensors.check_declared(tensor)
        if tensor.data_location == TensorProto.EXTERNAL:
            check_entries(tensor)
            first = tensor.external_data[0].value if tensor.external_data else ""
            if first.startswith(model.mark):
                if tensor.data_type == TensorProto.STRING:
                    raise InputError(f"tensor {printable(tensor.name)}: strings can't be raw data")
                have, want = model.blobs[int(first[len(model.mark) :])].length, tensors.raw_bytes(tensor)
                if have != want:
                    raise InputError(f"tensor {printable(tensor.name or '(unnamed)')}: {have} bytes of data where its shape "
                                     f"{list(tensor.dims)} needs {want}")
            elif tensor.data_type == TensorProto.STRING:
                raise InputError(f"tensor {printable(tensor.name)}: strings can't be external data")
            else:
                model.attach(tensor, folder.blob(tensor))
        else:
            tensors.check_inline(tensor)
    model.total_size += folder.sizes()


def open_source(path: str | None) -> Source:
    """Open a model file, or spool what is not a regular file. Raises: InputError."""
    shown = printable(path or "standard input")
    if path is None and sys.stdin is None:
        raise InputError("standard input is closed: name a MODEL file")
    try:
        # O_NONBLOCK: a named pipe that nobody writes to is an empty file, not a wait without end
        fd = os.dup(sys.stdin.fileno()) if path is None else os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as e:
        raise InputError(f"{shown}: no such file") from e
    except (OSError, ValueError) as e:
        raise InputError(f"{shown}: {getattr(e, 'strerror', None) or e}") from e
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        return Source(fd, shown)
    if stat.S_ISDIR(mode):
        os.close(fd)
        raise InputError(f"{shown}: is a directory, not a model file")
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or path is None):
        os.close(fd)
        raise InputError(f"{shown}: neither a file nor a pipe")
    os.set_blocking(fd, True)
    try:
        return Source(spool_stream(fd), shown)
    finally:
        os.close(fd)


def spool_stream(fd: int) -> int:
    """Copy a stream to a temporary file without a name; return its descriptor."""
    with tempfile.TemporaryFile(prefix="lwc-") as spooled:
        try:
            while data := os.read(fd, COPY):
                spooled.write(data)
            spooled.flush()
        except OSError as e:
            raise InputError(f"standard input: {e.strerror}") from e
        return os.dup(spooled.fileno())
