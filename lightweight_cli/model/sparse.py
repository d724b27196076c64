"""Sparse initializers: their places lie within their shape. onnxruntime 1.23 does not look, and writes where they say."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.errors import InputError, printable
from lightweight_cli.model.scopes import subgraphs

if TYPE_CHECKING:
    from onnx import SparseTensorProto

    from lightweight_cli.model.model import Model

LARGEST = (1 << 63) - 1


def check_sparse(model: Model) -> None:
    """Refuse a model with a sparse initializer that has values outside its shape. Raises: InputError."""
    todo = [model.proto.graph, *(inner for f in model.proto.functions for inner in subgraphs(f))]
    for graph in todo:
        todo.extend(subgraphs(graph))
        for sparse in graph.sparse_initializer:
            _check(model, sparse)


def _check(model: Model, sparse: SparseTensorProto) -> None:
    places = sparse.indices
    if places.data_type != places.INT64 or not math.prod(places.dims):
        return
    found = model.array(places)
    if found.ndim > 1 and found.shape[-1] != len(sparse.dims):
        return
    limits = np.array(min(math.prod(sparse.dims), LARGEST) if found.ndim == 1 else sparse.dims, np.int64)
    outside = (found < 0) | (found >= limits)
    if outside.any():
        place = found[outside][0]
        raise InputError(f"sparse initializer {printable(sparse.values.name)!r}: index {place} is outside its shape {list(sparse.dims)}")
