"""Elements picked by their numbers: gradients add up where they were taken from."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from lightweight_cli.gradients.op import Op, Unfit
from lightweight_cli.gradients.rules.along import put_back, wide


def gather(op: Op) -> None:
    """dx[i] = the sum of g wherever i was taken."""
    x, indices = op.read(0), op.read(1)
    rank = op.rank(x)
    axis = op.attribute("axis", 0) % rank
    known = op.integers(1)
    size = op.fixed(x, axis)
    inner = op.shape(indices)
    if known is not None and len(known) == 1 and inner is not None and size is not None:  # one of them: zeros around it
        gradient = op.emit("Unsqueeze", op.g, np.array([axis], np.int64)) if not inner else op.g
        if len(inner) > 1:
            gradient = gradient.reshaped(op.into.shape([op.into.size(x, k) if k != axis else 1 for k in range(rank)]))
        at = known[0] % size
        op.give(0, op.emit("Pad", gradient, np.array([at, size - 1 - at], np.int64), None, np.array([axis], np.int64)))
        return
    shape = op.into.shape([op.into.size(x, k) if k != axis else -1 for k in range(rank)])
    flat = op.emit("Reshape", op.g, shape)
    numbers = op.emit("Reshape", indices.cast(TensorProto.INT64), np.array([-1], np.int64))
    op.give(0, put_back(op, flat, axis, numbers, x, op.into.zeros(x, wide(op.g).type) if axis == 0 else None))


def gather_elements(op: Op) -> None:
    """dx = g added up at the places it was taken from."""
    g = wide(op.g)
    zeros = op.into.zeros(op.read(), g.type)
    op.give(0, op.emit("ScatterElements", zeros, op.read(1), g, axis=op.attribute("axis", 0), reduction="add").cast(op.g.type))


def gather_nd(op: Op) -> None:
    """dx = g added up at the places it was taken from."""
    if op.attribute("batch_dims", 0):
        raise Unfit("it has batch_dims")
    g = wide(op.g)
    op.give(0, op.emit("ScatterND", op.into.zeros(op.read(), g.type), op.read(1), g, reduction="add").cast(op.g.type))


def scatter_elements(op: Op) -> None:
    """y = x with updates at the places named: dupdates = g there, dx = g elsewhere, or everywhere where they are added."""
    mode, axis, indices = op.attribute("reduction", "none"), op.attribute("axis", 0), op.read(1)
    if mode not in ("none", "add"):
        raise Unfit(f"its reduction is {mode}")
    if op.wants(0):
        gone = op.into.zeros(op.read(2), op.g.type)
        op.give(0, op.g if mode == "add" else op.emit("ScatterElements", op.g, indices, gone, axis=axis))
    if op.wants(2):
        op.give(2, op.emit("GatherElements", op.g, indices, axis=axis))


def scatter_nd(op: Op) -> None:
    """y = x with updates at the places named: dupdates = g there, dx = g elsewhere, or everywhere where they are added."""
    mode, indices = op.attribute("reduction", "none"), op.read(1)
    if mode not in ("none", "add"):
        raise Unfit(f"its reduction is {mode}")
    if op.wants(0):
        gone = op.into.zeros(op.read(2), op.g.type)
        op.give(0, op.g if mode == "add" else op.emit("ScatterND", op.g, indices, gone))
    if op.wants(2):
        op.give(2, op.emit("GatherND", op.g, indices))
