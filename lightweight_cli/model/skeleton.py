"""A look at a model file without its weights."""

from __future__ import annotations

import math
import mmap
import os

import onnx

from lightweight_cli.model import wire

MARK = "lwc-cut:"
SMALL = 8192
"""Bytes up to which a constant stays readable in the skeleton."""


def read_skeleton(path: str) -> onnx.ModelProto:
    """Return the model at `path` with its payloads above SMALL bytes cut out.

    Raises: OSError; ValueError when the bytes are no ModelProto.
    """
    with open(path, "rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return onnx.ModelProto()
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))  # errors hold slices of it
    try:
        return onnx.ModelProto.FromString(wire.cut(view, MARK, SMALL)[0])
    except wire.WireError:
        raise
    except Exception as error:  # protobuf's DecodeError, whose home differs by version
        raise ValueError(str(error)) from error


def stored_bytes(path: str) -> int:
    """Return the bytes of the model file and of the external data its initializers declare."""
    try:
        model = read_skeleton(path)
    except (OSError, ValueError):
        return os.path.getsize(path)
    outside = [t for t in model.graph.initializer if t.external_data
               and not any(e.key == "location" and e.value.startswith(MARK) for e in t.external_data)]
    return os.path.getsize(path) + sum(4 * math.prod(t.dims) for t in outside)
