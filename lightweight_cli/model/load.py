"""Reading a model: from a file or a stream to a skeleton, every tensor validated before anything else looks at it."""

from __future__ import annotations

import mmap
import os
import stat
import sys
import tempfile

from google.protobuf.message import DecodeError
from onnx import ModelProto, TensorProto

from lightweight_cli.errors import InputError, printable
from lightweight_cli.model import sniff, tensors, wire
from lightweight_cli.model.blobs import COPY, Blob, Source
from lightweight_cli.model.external import Folder
from lightweight_cli.model.model import Model
from lightweight_cli.model.names import check_entries, check_names
from lightweight_cli.model.repeats import check_repeats
from lightweight_cli.model.sparse import check_sparse


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
    check_repeats(model)
    check_sparse(model)
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
