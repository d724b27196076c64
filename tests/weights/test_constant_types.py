"""Casts and DequantizeLinear of constants, bit for bit what onnxruntime computes, for every type it has."""

from __future__ import annotations

import ctypes

import numpy as np
import onnxruntime as ort
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from lightweight_cli import api
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.weights import constant_values
from lightweight_cli.weights.not_constant import NotConstant

T = TensorProto
FLOATS = [T.FLOAT, T.FLOAT16, T.DOUBLE, T.BFLOAT16]
FLOATS8 = [T.FLOAT8E4M3FN, T.FLOAT8E4M3FNUZ, T.FLOAT8E5M2, T.FLOAT8E5M2FNUZ]
INTEGERS = [T.INT8, T.UINT8, T.INT16, T.UINT16, T.INT32, T.INT4, T.UINT4]
EDGES = [0, -0.0, np.inf, -np.inf, np.nan, -np.nan, 1e-45, 1e-40, 3e-8, 2**-10, 1 + 2**-11, 1 + 2**-11 + 2**-30, 3.4028235e38,
         65504, 65519, 65520, 240, 248, 448, 464, 465, 480, 57344, 61440, -61441, 1e5, 0.1, -2.5]


def model(node: NodeProto, to: int, opset: int, **arrays: np.ndarray) -> ModelProto:
    """Return a model of one node that reads constants."""
    shape = next(iter(arrays.values())).shape
    graph = helper.make_graph([node], "g", [], [helper.make_tensor_value_info("y", to, shape)],
                              [numpy_helper.from_array(a, n) for n, a in arrays.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=11 if opset > 22 else 10)


def runtime(proto: ModelProto, nbytes: int) -> bytes:
    """Return the bits of what onnxruntime computes, at its own optimisation or none."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return ctypes.string_at(session.run_with_ort_values(None, {})[0].data_ptr(), nbytes)


def ours(proto: ModelProto) -> np.ndarray:
    """Return the constant that lwc finds."""
    loaded = api._of_proto(proto)
    return constant_values.evaluate(loaded, Scopes(loaded.proto).main, "y")


def values(kind: int) -> np.ndarray:
    """Return values of a type: its edges, those of the others, and numbers of every size."""
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    if kind in FLOATS8:
        return np.arange(256, dtype=np.uint8).view(dtype)
    random = np.random.default_rng(kind)
    with np.errstate(all="ignore"):
        if kind in FLOATS:
            return np.concatenate([EDGES, *(random.standard_normal(60) * 10.0**e for e in range(-45, 39, 6))]).astype(dtype)
        info = np.iinfo(np.int8 if dtype.itemsize == 1 and dtype.kind != "u" else dtype)
        if kind in (T.INT4, T.UINT4):
            return np.arange(-8 if kind == T.INT4 else 0, 8 if kind == T.INT4 else 16).astype(dtype)
        return np.concatenate([[info.min, info.max, 0, 1], random.integers(info.min, info.max, 100)]).astype(dtype)


def nans(dtype: np.dtype) -> np.ndarray:
    """Return NaN of both signs, quiet and signalling, with payloads in the upper and the lowest bit."""
    whole = f"u{dtype.itemsize}"
    infinity = int(np.array(np.inf, dtype).view(whole))
    quiet = int(np.array(np.nan, dtype).view(whole)) & ~infinity
    payloads = [quiet, quiet | 1, quiet >> 1, quiet >> 2 | 1, 1]
    sign = 1 << (8 * dtype.itemsize - 1)
    return np.array([infinity | p | s for p in payloads for s in (0, sign)], whole).view(dtype)


@pytest.mark.parametrize("to", [*FLOATS, *FLOATS8])
@pytest.mark.parametrize("was", [*FLOATS, *FLOATS8, *INTEGERS])
def test_casts_to_floats(was: int, to: int) -> None:
    x = values(was)
    if was in FLOATS and T.FLOAT16 not in (was, to):  # payloads through float16 differ from machine to machine
        x = np.concatenate([x, nans(x.dtype)])
    proto = model(helper.make_node("Cast", ["x"], ["y"], to=to), to, 21, x=x)
    y = ours(proto)
    assert y.tobytes() == runtime(proto, y.nbytes)


@pytest.mark.parametrize("was,to,attributes", [
    (T.FLOAT, T.FLOAT8E5M2, {"saturate": 0}), (T.FLOAT8E4M3FN, T.INT32, {}), (T.FLOAT8E5M2, T.BOOL, {}),
    (T.FLOAT, T.INT4, {}), (T.INT4, T.UINT4, {})])
def test_casts_that_runtimes_do_otherwise_are_not_constant(was: int, to: int, attributes: dict[str, int]) -> None:
    with pytest.raises(NotConstant, match="computed by Cast, from"):
        ours(model(helper.make_node("Cast", ["x"], ["y"], to=to, **attributes), to, 21, x=values(was)))


@pytest.mark.parametrize("scale", [T.FLOAT, T.FLOAT16])
@pytest.mark.parametrize("kind", [*INTEGERS, *FLOATS8])
@pytest.mark.parametrize("block", [0, 4])
@pytest.mark.parametrize("zero", [False, True])
def test_dequantized(kind: int, scale: int, block: int, zero: bool) -> None:
    """16- and 32-bit integers times a float16 scale are beyond float16 in between; float8 are no whole numbers."""
    x = np.resize(values(kind), (16, 16))
    s = np.random.default_rng(0).uniform(0.01, 3, (4, 16) if block else (16,)).astype(helper.tensor_dtype_to_np_dtype(scale))
    arrays = {"x": x, "s": s}
    if zero:
        arrays["z"] = np.zeros(s.shape, np.uint8).view(x.dtype) if kind in FLOATS8 else (
            np.zeros(s.shape, x.dtype) if kind == T.INT32 else np.resize(values(kind)[::-1], s.shape))
    node = helper.make_node("DequantizeLinear", list(arrays), ["y"], axis=0 if block else 1, **({"block_size": 4} if block else {}))
    proto = model(node, scale, 21, **arrays)
    y = ours(proto)
    with np.errstate(over="ignore"):
        assert y.tobytes() == runtime(proto, y.nbytes)


@pytest.mark.parametrize("kind", [T.INT8, T.INT16, T.FLOAT8E4M3FN])
@pytest.mark.parametrize("scale,to", [(T.FLOAT, T.FLOAT16), (T.FLOAT16, T.FLOAT), (T.FLOAT, T.FLOAT), (T.FLOAT16, T.FLOAT16)])
def test_dequantized_to_another_type(kind: int, scale: int, to: int) -> None:
    x = np.resize(values(kind), (16, 16))
    s = np.random.default_rng(0).uniform(0.01, 3, 16).astype(helper.tensor_dtype_to_np_dtype(scale))
    proto = model(helper.make_node("DequantizeLinear", ["x", "s"], ["y"], output_dtype=to), to, 23, x=x, s=s)
    y = ours(proto)
    assert y.dtype == helper.tensor_dtype_to_np_dtype(to)
    try:
        expected = runtime(proto, y.nbytes)
    except Exception:
        pytest.skip("onnxruntime does not run it: another type than the scale's needs a newer one")
    assert y.tobytes() == expected


@pytest.mark.parametrize("kind", [getattr(T, "FLOAT4E2M1", None), T.INT8, T.FLOAT8E5M2])
def test_dequantized_as_onnxruntime_does_not(kind: int | None) -> None:
    """No bfloat16 scales, no 4-bit floats, no zero points of float8 on the CPU."""
    if kind is None:
        pytest.skip("this onnx has no such type")
    dtype, scale = helper.tensor_dtype_to_np_dtype(kind), T.BFLOAT16 if kind == T.INT8 else T.FLOAT
    arrays = {"x": np.ones((4, 4), dtype), "s": np.ones(4, helper.tensor_dtype_to_np_dtype(scale))}
    if kind == T.FLOAT8E5M2:
        arrays["z"] = np.ones(4, dtype)
    with pytest.raises(NotConstant, match="computed by DequantizeLinear"):
        ours(model(helper.make_node("DequantizeLinear", list(arrays), ["y"]), scale, 23, **arrays))
