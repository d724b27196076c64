"""A model in memory: a skeleton ModelProto whose large payloads stay in their files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
from onnx import ModelProto, TensorProto, numpy_helper

from lightweight_cli.errors import printable
from lightweight_cli.model import tensors, wire
from lightweight_cli.model.blobs import Blob, Source, Spool, Writer

INLINE = 256
"""Bytes up to which new payloads are written into the skeleton itself."""


class Model:
    """A ModelProto whose large tensors refer to blobs, and the file it came from.

    `proto` is a valid ModelProto but for its large payloads, which are external data of location
    "<mark><n>": `blobs[n]` holds them. Passes change `proto` in place.
    """

    def __init__(self, proto: ModelProto, source: Source, size: int, total: int, path: str | None) -> None:
        self.proto = proto
        self.source = source
        self.file_size = size
        self.total_size = total
        self.path = path
        self.blobs: list[Blob] = []
        self.mark = f"lwc:{os.urandom(8).hex()}:"
        self.spool = Spool()

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
        reference = wire.external_size(*((e.key, e.value) for e in tensor.external_data))
        return tensor.ByteSize() - reference + wire.framed(blob.length)

    def _elements(self, tensor: TensorProto) -> Blob | None:
        """Return the payload of a tensor, where it is stored apart and its elements take whole bytes."""
        blob = self.blob(tensor)
        return blob if blob is not None and tensors.BITS[tensor.data_type] >= 8 else None

    def read(self, tensor: TensorProto, start: int = 0, count: int = -1, out: np.ndarray | None = None) -> np.ndarray:
        """Return elements [start, start + count) in flat order; where they are read from a file, in `out` if that is of their type."""
        blob, dtype = self._elements(tensor), tensors.dtype_of(tensor)
        if blob is not None:
            return blob.array(dtype, start, count, out if out is not None and out.dtype == dtype else None)
        whole = self.array(tensor).reshape(-1)
        return whole[start:] if count < 0 else whole[start : start + count]

    def runs(self, tensor: TensorProto, runs: Sequence[tuple[int, int]]) -> np.ndarray:
        """Return the elements of runs (start, count) in flat order, one after the other."""
        blob = self._elements(tensor)
        if blob is not None:
            return blob.runs(tensors.dtype_of(tensor), runs)
        whole = self.array(tensor).reshape(-1)
        return np.concatenate([whole[start : start + count] for start, count in runs])

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
