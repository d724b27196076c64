"""What a weight of so many codes of each kind would take in a file, to the byte, before there are codes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from onnx import TensorProto

from lightweight_cli.encodings import choose, int4, planes
from lightweight_cli.encodings.coded import Coded, Groups
from lightweight_cli.encodings.limits import DEFAULT, Limits
from lightweight_cli.encodings.tree import Tree
from lightweight_cli.encodings.values import Deferred, Layout
from lightweight_cli.numerics import split_tree
from lightweight_cli.weights.emission import Emission

MOST_CODES = 256
"""Different codes that a weight may have."""


def price(
    counts: np.ndarray, shape: Sequence[int], groups: Groups | None = None, *, name: str = "", dtype: int = TensorProto.FLOAT,
    opset: int = 17, half: bool = True, limits: Limits = DEFAULT,
) -> int:
    """Return the bytes of a weight of `shape` in its smallest form; tables that all weights share come on top, once.

    `counts` [L] int: how often each code occurs, in any order. `groups` (A, R, P): a scale for each of A * P, as `Coded` has
    them, of float16 if `half`; without them one scale, which the table of values takes in.

    Raises: ValueError for more than MOST_CODES different codes.
    """
    return smallest(counts, shape, groups, name=name, dtype=dtype, opset=opset, half=half, limits=limits).nbytes


def smallest(
    counts: np.ndarray, shape: Sequence[int], groups: Groups | None = None, *, name: str = "", dtype: int = TensorProto.FLOAT,
    opset: int = 17, half: bool = True, limits: Limits = DEFAULT,
) -> Emission:
    """Return that form: it can be asked for its size and what it takes at load, and has no codes."""
    used = np.asarray(counts, np.int64)
    used = used[used > 0]
    size = math.prod(shape)
    if used.size > MOST_CODES:
        raise ValueError(f"{used.size} different codes: at most {MOST_CODES}")
    if int(used.sum()) != size:
        raise ValueError(f"counts of {int(used.sum()):,} codes for {size:,} weights")
    histogram = np.zeros(MOST_CODES, np.int64)
    histogram[: used.size] = used
    a, _, p = groups or (1, size, 1)
    one = a * p == 1
    scale = None if one else np.ones((a, 1, p), np.float16 if half else np.float32)
    low, codes = -(used.size // 2), Deferred(size, lambda: iter(()))
    codebook = np.zeros(used.size, np.float32) if one else None
    coded = Coded(tuple(shape), dtype, groups or (1, size, 1), codes, low, used.size, 0, None, scale, None, codebook, _histogram=histogram)
    best = split_tree.best(histogram, split_tree.depth_of(size)).splits if opset >= 11 else 0
    among: list[Layout] = [*dict.fromkeys([Tree(0), Tree(best)]), planes, int4]
    found = choose.emissions(lambda label: Emission(opset, label=label), coded, name, limits, among)
    return min(found, key=lambda e: e.nbytes)
