"""Tensors grouped by what they hold. Memory does not grow with the tensors: their bytes are hashed in passing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, numpy_helper

from lightweight_cli.model import tensors

if TYPE_CHECKING:
    from lightweight_cli.model.blobs import Blob
    from lightweight_cli.model.model import Model
    from lightweight_cli.passes.dedupe.holders import Holder

SAMPLE = 4096
"""Bytes at either end of a payload by which most unequal tensors are told apart without reading all of them."""


def groups(model: Model, holders: list[Holder]) -> list[list[Holder]]:
    """Return the groups of two or more tensors of one type, shape and content, in the order of their first."""
    digests: dict[tuple[int, int, int], bytes] = {}

    def content(holder: Holder) -> bytes:
        blob = model.blob(holder.tensor)
        if blob is None:
            return hashlib.sha256(_inline(holder.tensor)).digest()
        place = id(blob.source or blob), blob.offset, blob.length
        if place not in digests:
            digests[place] = _digest(blob)
        return digests[place]

    found = [holders]
    for key in (_declared, lambda h: _ends(model, h.tensor), content):
        found = [part for group in found for part in _split(group, key)]
    return found


def _split(group: list[Holder], key: Callable[[Holder], Hashable]) -> Iterable[list[Holder]]:
    parts: dict[Hashable, list[Holder]] = {}
    for holder in group:
        parts.setdefault(key(holder), []).append(holder)
    return [part for part in parts.values() if len(part) > 1]


def _declared(holder: Holder) -> Hashable:
    return holder.tensor.data_type, tuple(holder.tensor.dims)


def _ends(model: Model, tensor: TensorProto) -> bytes:
    blob = model.blob(tensor)
    if blob is None:
        data = _inline(tensor)
        return hashlib.sha256(data[:SAMPLE] + data[-SAMPLE:]).digest()
    size, octet = min(SAMPLE, blob.length), np.dtype(np.uint8)
    ends = blob.array(octet, 0, size), blob.array(octet, blob.length - size, size)
    return hashlib.sha256(np.concatenate(ends).tobytes()).digest()


def _digest(blob: Blob) -> bytes:
    digest = hashlib.sha256()
    for chunk in blob.chunks():
        digest.update(chunk)
    return digest.digest()


def _inline(tensor: TensorProto) -> bytes:
    """Return the bytes that the tensor would have as raw data; strings with their lengths."""
    if tensor.data_type == TensorProto.STRING:
        return b"".join(len(s).to_bytes(8, "little") + s for s in tensor.string_data)
    if tensor.HasField("raw_data"):
        return tensor.raw_data
    if tensors.BITS[tensor.data_type] < 8:  # two or four values in each byte, one byte in each number
        return np.asarray(tensor.int32_data, np.int64).astype(np.uint8).tobytes()
    return numpy_helper.to_array(tensor).tobytes()
