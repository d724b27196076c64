"""The codes of a weight that nodes decode: what lwc or another tool stored, found again.

The last Mul of the chain by a constant is the scale, a Reshape or Cast after it only changes the view. What is multiplied
takes at most 256 distinct values: they are the numbers. Without a Mul the weight's own values are.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from lightweight_cli import constants
from lightweight_cli.blobs import Blob
from lightweight_cli.encodings.coded import Coded, Groups
from lightweight_cli.weights import Weight


def coded(weight: Weight) -> Coded | None:
    """Return the weight as codes, with 0 among the numbers, or None where it has too many values."""
    home, name = weight.scope, weight.name
    node = home.producers.get(name)
    while node is not None and node.op_type in ("Reshape", "Cast") and node.input[0] in home.producers:
        name = node.input[0]
        node = home.producers.get(name)
    scale = None
    if node is not None and node.op_type == "Mul":
        numbers, factor = (constants.evaluate(weight.model, home, i) for i in node.input)
        if factor.size > numbers.size:
            numbers, factor = factor, numbers
        groups = grouping(numbers.shape, factor.shape)
        if groups is None or numbers.dtype != np.float32 or factor.dtype != np.float32:
            return None
        scale = factor.reshape(groups[0], 1, groups[2])
    else:
        numbers, groups = weight.read(0, weight.size), (1, weight.size, 1)
        if numbers.dtype != np.float32:
            return None
    found = from_numbers(numbers.reshape(-1))
    if found is None:
        return None
    codes, low, count, zero, codebook = found
    half = scale is not None and np.array_equal(scale.astype(np.float16).astype(np.float32), scale)
    return Coded(weight.shape, weight.dtype if scale is not None else TensorProto.FLOAT, groups,
                 Blob(codes.size, data=memoryview(codes.view(np.uint8))), low, count, int(np.count_nonzero(codes == zero)), zero,
                 scale=scale.astype(np.float16) if half and scale is not None else scale, codebook=codebook)


def from_numbers(flat: np.ndarray) -> tuple[np.ndarray, int, int, int, np.ndarray | None] | None:
    """Return (codes, low, count, code of zero, codebook or None for whole numbers), or None."""
    distinct = np.unique(np.append(flat[:: max(1, flat.size // 4096)], np.float32(0)))
    if distinct.size > 256:
        return None
    distinct = np.unique(np.append(flat, np.float32(0)))
    if distinct.size > 256 or not np.isfinite(distinct).all() or np.signbit(flat[flat == 0]).any():
        return None
    low, high = int(np.floor(distinct[0])), int(np.ceil(distinct[-1]))
    if np.array_equal(distinct, np.rint(distinct)) and -128 <= low and high - low < 256 and (low < 0 and high <= 127 or low >= 0):
        return flat.astype(np.int8 if low < 0 else np.uint8), low, high - low + 1, 0, None
    codes = np.searchsorted(distinct, flat).astype(np.uint8)
    return codes, 0, distinct.size, int(np.searchsorted(distinct, np.float32(0))), distinct


def grouping(shape: tuple[int, ...], scale: tuple[int, ...]) -> Groups | None:
    """Return [A, R, P] for a scale that broadcasts against `shape`, or None where its ones do not stand together."""
    wide = (1,) * (len(shape) - len(scale)) + tuple(scale)
    shared = [i for i, (d, s) in enumerate(zip(shape, wide, strict=True)) if s == 1 and d != 1]
    if any(s not in (1, d) for d, s in zip(shape, wide, strict=True)):
        return None
    if not shared:
        return (int(np.prod(shape)), 1, 1)
    first, last = shared[0], shared[-1]
    if any(wide[i] != 1 for i in range(first, last + 1)):
        return None
    return int(np.prod(shape[:first])), int(np.prod(shape[first : last + 1])), int(np.prod(shape[last + 1 :]))
