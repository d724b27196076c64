"""TensorProto facts: element sizes, shapes, whether the bytes fit the shape."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, helper

from lightweight_cli.errors import InputError, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onnx import AttributeProto, FunctionProto, GraphProto, ModelProto

T = TensorProto
BITS: dict[int, int] = {T.FLOAT: 32, T.UINT8: 8, T.INT8: 8, T.UINT16: 16, T.INT16: 16, T.INT32: 32, T.INT64: 64, T.BOOL: 8,
        T.FLOAT16: 16, T.DOUBLE: 64, T.UINT32: 32, T.UINT64: 64, T.COMPLEX64: 64, T.COMPLEX128: 128, T.BFLOAT16: 16,
        T.FLOAT8E4M3FN: 8, T.FLOAT8E4M3FNUZ: 8, T.FLOAT8E5M2: 8, T.FLOAT8E5M2FNUZ: 8, T.UINT4: 4, T.INT4: 4,
        **{getattr(T, n): b for n, b in (("FLOAT4E2M1", 4), ("FLOAT8E8M0", 8), ("UINT2", 2), ("INT2", 2)) if hasattr(T, n)}}
FLOATS = {T.FLOAT, T.FLOAT16, T.DOUBLE, T.BFLOAT16}
TYPED: dict[int, str] = {T.FLOAT: "float_data", T.COMPLEX64: "float_data", T.DOUBLE: "double_data", T.COMPLEX128: "double_data",
         T.INT64: "int64_data", T.UINT32: "uint64_data", T.UINT64: "uint64_data"}


def dtype_of(tensor: TensorProto) -> np.dtype:
    """Return the numpy dtype of a tensor's elements."""
    return helper.tensor_dtype_to_np_dtype(tensor.data_type)


def type_name(data_type: int) -> str:
    """Return "float32", "int8", ... for a TensorProto data type."""
    if data_type == T.STRING:
        return "string"
    return str(helper.tensor_dtype_to_np_dtype(data_type)) if data_type in BITS else f"type {data_type}"


def size_of(tensor: TensorProto) -> int:
    """Return the number of elements."""
    return math.prod(tensor.dims)


def raw_bytes(tensor: TensorProto) -> int:
    """Return the bytes that the elements take as raw data (packed for 4 and 2 bits)."""
    return (size_of(tensor) * BITS[tensor.data_type] + 7) // 8


def check_declared(tensor: TensorProto) -> None:
    """Refuse a tensor whose type or shape can't be. Raises: InputError."""
    name = printable(tensor.name or "(unnamed)")
    if tensor.data_type not in BITS and tensor.data_type != T.STRING:
        raise InputError(f"tensor {name}: data type {tensor.data_type} is unknown")
    if tensor.HasField("segment"):
        raise InputError(f"tensor {name}: stored in segments, which onnx gave up")
    if min(tensor.dims, default=0) < 0:
        raise InputError(f"tensor {name}: negative dimension in {list(tensor.dims)}")
    if size_of(tensor) >= 1 << 62:
        raise InputError(f"tensor {name}: {list(tensor.dims)} is larger than any memory")


def check_inline(tensor: TensorProto) -> None:
    """Refuse a tensor whose inline bytes do not fit its shape. Raises: InputError."""
    name, size = printable(tensor.name or "(unnamed)"), size_of(tensor)
    if tensor.HasField("raw_data"):
        have, want, unit = len(tensor.raw_data), raw_bytes(tensor) if tensor.data_type in BITS else -1, "bytes"
    elif tensor.data_type == T.STRING:
        have, want, unit = len(tensor.string_data), size, "strings"
    else:
        have, unit = len(getattr(tensor, TYPED.get(tensor.data_type, "int32_data"))), "elements"
        per = 2 if tensor.data_type in (T.COMPLEX64, T.COMPLEX128) else 1
        want = -(-size * BITS[tensor.data_type] // 8) if BITS[tensor.data_type] < 8 else size * per
    if have != want:
        raise InputError(f"tensor {name}: {have} {unit} of data where its shape {list(tensor.dims)} needs {want}")


def tensors(model: ModelProto) -> Iterator[TensorProto]:
    """Yield every tensor of the model: graphs, subgraphs, functions, attributes, sparse parts."""
    yield from graph_tensors(model.graph)
    for function in model.functions:
        yield from node_tensors(function)


def graph_tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """Yield the tensors of a graph and of its subgraphs."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield sparse.values
        yield sparse.indices
    yield from node_tensors(graph)


def node_tensors(graph: GraphProto | FunctionProto) -> Iterator[TensorProto]:
    """Yield the tensors in the nodes' attributes."""
    for node in graph.node:
        for attribute in node.attribute:
            yield from attribute_tensors(attribute)


def attribute_tensors(attribute: AttributeProto) -> Iterator[TensorProto]:
    """Yield the tensors of one attribute."""
    if attribute.HasField("t"):
        yield attribute.t
    yield from attribute.tensors
    for sparse in [attribute.sparse_tensor] * attribute.HasField("sparse_tensor") + list(attribute.sparse_tensors):
        yield sparse.values
        yield sparse.indices
    for graph in [attribute.g] * attribute.HasField("g") + list(attribute.graphs):
        yield from graph_tensors(graph)
