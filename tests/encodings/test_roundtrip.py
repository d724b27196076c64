"""Random weights, every layout: onnxruntime decodes the very bits that went in."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from encoding_models import IR_VERSION, LEVELS, alone, coded, emissions, floats, run, same
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from onnxruntime_limits import takes

from lightweight_cli.encodings.coded import Coded
from lightweight_cli.encodings.tree import Tree
from lightweight_cli.weights.emission import Emission

SETTINGS = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
SHAPES = st.lists(st.integers(1, 7), max_size=5).map(tuple)
OPSETS = st.sampled_from([opset for opset, ir_version in IR_VERSION.items() if takes(opset, ir_version)])
CODEBOOK = np.random.default_rng(3).standard_normal(64).astype(np.float32)
ODD = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, 65504.0, 1e30], np.float32)


def noise(seed: int, size: int, levels: int, zeros: float) -> np.ndarray:
    """Codes below `levels`, of which a share is 0."""
    random = np.random.default_rng(seed)
    return np.where(random.random(size) < zeros, 0, random.integers(0, levels, size)).astype(np.uint8)


def check(values: Any, opset: int, expected: np.ndarray, local: bool = False) -> set[str]:
    """Decode every emission with onnxruntime, optimised and not. Returns: their labels."""
    labels = set()
    for emission in emissions(values, opset):
        proto = alone(emission, values.shape, values.dtype)
        for level in (LEVELS.ORT_ENABLE_ALL, LEVELS.ORT_DISABLE_ALL):
            assert same(run(proto, level=level)[0], expected), (emission.label, opset, values.shape)
        labels.add(emission.label)
    return labels


@SETTINGS
@given(SHAPES, OPSETS, st.integers(1, 256), st.sampled_from([0.0, 0.5, 0.95]), st.booleans(), st.integers(0, 1 << 30))
def test_integers(shape: tuple[int, ...], opset: int, levels: int, zeros: float, signed: bool, seed: int) -> None:
    size = int(np.prod(shape))
    codes = noise(seed, size, levels, zeros)
    if signed:
        codes = (codes.astype(int) - min(levels // 2, 128)).clip(-128, 127).astype(np.int8)
    values = coded(codes, shape)
    assert same(values.decode(), codes.astype(np.float32).reshape(shape))
    check(values, opset, values.decode())


@SETTINGS
@given(
    SHAPES,
    OPSETS,
    st.integers(1, 256),
    st.sampled_from([0.0, 0.5, 0.95]),
    st.integers(0, 1 << 30),
    st.sampled_from([np.float32, np.float16, np.float64, ml_dtypes.bfloat16]),
)
def test_codebooks(shape: tuple[int, ...], opset: int, levels: int, zeros: float, seed: int, kind: type) -> None:
    if kind is ml_dtypes.bfloat16 and opset < 13:
        return  # Gather does not take it
    codes = noise(seed, int(np.prod(shape)), levels, zeros)
    book = np.random.default_rng(seed).standard_normal(levels).astype(kind)
    with np.errstate(over="ignore"):
        book[1:9] = ODD[: max(0, levels - 1)].astype(kind)[: book[1:9].size]
    book[0] = 0
    dtype = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    values = coded(codes, shape, codebook=book, count=levels, dtype=dtype)
    assert same(values.decode(), book[codes].reshape(shape))
    expected = values.decode()
    check(values, opset, expected.astype(np.float32) if kind is ml_dtypes.bfloat16 else expected)


@SETTINGS
@given(
    st.tuples(*[st.integers(1, 6)] * 3),
    OPSETS,
    st.sampled_from([3, 15, 63, 255]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([np.float32, np.float16, np.float64]),
    st.integers(0, 1 << 30),
)
def test_scales(groups: tuple[int, int, int], opset: int, levels: int, half: bool, asymmetric: bool, kind: type, seed: int) -> None:
    random = np.random.default_rng(seed)
    a, r, p = groups
    codes = random.integers(0, levels, a * r * p).astype(np.uint8)
    shape = [(a, r, p), (a * r, p), (a * r * p,), (a, r * p)][seed % 4]
    more: dict[str, Any] = {"zero_point": random.integers(0, levels, (a, 1, p)).astype(np.uint8), "zero": None} if asymmetric else {}
    if not asymmetric:
        codes = (codes.astype(int) - levels // 2).astype(np.int8)
    scale = (random.random((a, 1, p)) + 0.1).astype(np.float16 if half else np.float32)
    values = coded(codes, shape, groups=groups, scale=scale, dtype=helper.np_dtype_to_tensor_dtype(np.dtype(kind)), **more)
    check(values, opset, values.decode())


@SETTINGS
@given(
    SHAPES,
    OPSETS,
    st.sampled_from(["float16", "bfloat16", "any", "odd"]),
    st.sampled_from([0.0, 0.5, 0.95]),
    st.sampled_from([np.float32, np.float16, np.float64, ml_dtypes.bfloat16]),
    st.integers(0, 1 << 30),
)
def test_floats(shape: tuple[int, ...], opset: int, fits: str, zeros: float, kind: type, seed: int) -> None:
    if kind is ml_dtypes.bfloat16 and opset < 13:
        return
    random = np.random.default_rng(seed)
    values = random.standard_normal(int(np.prod(shape))).astype(np.float32)
    values = {
        "float16": lambda: values.astype(np.float16),
        "bfloat16": lambda: values.astype(ml_dtypes.bfloat16),
        "any": lambda: values,
        "odd": lambda: random.choice(ODD, values.size),
    }[fits]()
    values = np.where(random.random(values.size) < zeros, np.float32(0), values.astype(np.float32))
    with np.errstate(over="ignore"):
        typed = values.astype(kind).reshape(shape)
    labels = check(floats(typed), opset, typed.astype(np.float32) if kind is ml_dtypes.bfloat16 else typed)
    if kind is np.float32 and fits == "float16":
        assert "float16" in labels
    if kind is np.float32 and fits == "bfloat16" and opset >= 13:
        assert "bfloat16" in labels


@pytest.mark.parametrize("size", [1 << 20, (1 << 20) + 13, 3 << 20])
def test_several_chunks(size: int) -> None:
    codes = noise(0, size, 30, 0.95)
    values = coded(codes, (size,), scale=np.full((1, 1, 1), 0.1, np.float32))
    for emission in emissions(values, 13):
        assert same(run(alone(emission, values.shape, values.dtype))[0], values.decode()), emission.label
    sparse = floats(values.decode())
    for emission in emissions(sparse, 13):
        assert same(run(alone(emission, values.shape, values.dtype))[0], values.decode()), emission.label


def test_every_layout_is_reached() -> None:
    few, many = noise(0, 1000, 12, 0.95), noise(0, 1000, 40, 0.95)
    labels = {e.label for codes in (few, many) for e in emissions(coded(codes, (10, 100)), 21)}
    labels |= {e.label for e in emissions(floats(few.astype(np.float32)), 21)}
    codes = {"packed", "tree of 1", "planes", "int4"}
    assert labels == {*codes, "float16", "bfloat16", "bitmask", "bitmask + float16", "bitmask + bfloat16", "delta", "delta + float16",
                      "delta + bfloat16", "delta + packed", "delta + planes", "delta + int4"}


LEAVES = [(1, 39), (1, 4), (2, 1), (3, 1), (3, 5), (4, 16), (1, 1, 5), (2, 3, 1), (3, 2, 2, 8), (1, 6, 1, 30), (16, 16, 8), (6, 4, 3, 2, 1)]


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("leaves", LEAVES, ids=str)
def test_every_tree(leaves: tuple[int, ...], signed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trees that no histogram of few codes would get, at sizes with and without padding."""
    monkeypatch.setattr(Tree, "leaves", lambda self, coded: leaves)
    kinds = sum(leaves)
    for size in (64, 65, 71, 120, 253):
        codes = noise(size, size, kinds, 0.3)
        codes[:kinds] = np.arange(kinds)
        more = {"groups": (1, size, 1), "scale": np.full((1, 1, 1), 0.37, np.float32)} if signed else {"codebook": CODEBOOK[:kinds]}
        values = coded((codes.astype(int) - kinds // 2).astype(np.int8) if signed else codes, (size,), count=kinds, **more)
        for opset in (11, 17):
            e = Emission(opset)
            values.finish(e, [size], Tree(len(leaves) - 1).emit(e, values, [size]))
            e.finish("W")
            proto = alone(e, (size,), TensorProto.FLOAT)
            for level in (LEVELS.ORT_ENABLE_ALL, LEVELS.ORT_DISABLE_ALL):
                assert same(run(proto, level=level)[0], values.decode()), (size, opset)


def test_empty_weights_have_no_layout() -> None:
    empty = Coded((0, 3), TensorProto.FLOAT, (1, 0, 1), coded(np.empty(0, np.uint8), (0,)).codes, 0, 1, 0)
    assert not list(emissions(empty, 13))
    assert not list(emissions(floats(np.empty((0, 3), np.float32)), 13))
