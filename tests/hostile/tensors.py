"""Tensors whose type, shape and bytes do not agree, and sparse ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from hostile.cases import Case, Expect, case, parsed, perceptron, weight

R, P, E = Expect.REFUSED, Expect.PASSES, Expect.EITHER
RAW = weight("w1", 16, 32).raw_data


def tensor(**fields: object) -> TensorProto:
    """Return the perceptron's first weight with other fields; None: without it."""
    made = weight("w1", 16, 32)
    for name, value in fields.items():
        made.ClearField(name)
        if isinstance(value, list):
            getattr(made, name).extend(value)
        elif value is not None:
            setattr(made, name, value)
    return made


def sparse(indices: list[int], dims: tuple[int, ...] = (16, 32)) -> ModelProto:
    """Return the perceptron with its first weight stored sparse."""
    model = perceptron()
    del model.graph.initializer[0]
    values = numpy_helper.from_array(np.ones(len(indices), np.float32), "w1")
    where = numpy_helper.from_array(np.array(indices, np.int64), "w1_indices")
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, where, list(dims)))
    return model


def constant(change: Callable[[TensorProto], object]) -> ModelProto:
    """Return a model whose weight stands in a Constant node."""
    model = parsed("agraph (float[N, 2] x) => (float[N, 2] y) { w = Constant<value = float[2, 2] {1, 2, 3, 4}>() y = MatMul(x, w) }")
    change(model.graph.node[0].attribute[0].t)
    return model


TENSORS = [
    (R, "bytes_too_few", tensor(raw_data=RAW[:-4])),
    (R, "bytes_too_many", tensor(raw_data=RAW + bytes(8))),
    (R, "bytes_not_whole_elements", tensor(raw_data=RAW[:-1])),
    (R, "bytes_missing", tensor(raw_data=None)),
    (E, "bytes_and_floats", tensor(float_data=[1.0] * 512)),
    (R, "dimension_negative", tensor(dims=[-16, 32])),
    (R, "dimensions_both_negative", tensor(dims=[-16, -32])),
    (R, "shape_overflows", tensor(dims=[2**62, 16])),
    (R, "shape_of_terabytes", tensor(dims=[2**21, 2**21], raw_data=None)),
    (R, "shape_of_terabytes_with_bytes", tensor(dims=[2**21, 2**21])),
    (R, "type_undefined", tensor(data_type=0)),
    (R, "type_of_the_future", tensor(data_type=999)),
    (R, "type_of_other_operators", tensor(data_type=TensorProto.INT32)),
    (R, "floats_as_integers", tensor(raw_data=None, int64_data=[1] * 512)),
    (R, "strings_for_floats", tensor(raw_data=None, string_data=[b"1.0"] * 512)),
    (R, "name_missing", tensor(name=None)),
    (P, "floats_as_floats", tensor(raw_data=None, float_data=np.frombuffer(RAW, np.float32).tolist())),
]


def cases() -> list[Case]:
    """Return the cases."""
    return [
        *(case(expect, name, perceptron(w1=made)) for expect, name, made in TENSORS),
        case(P, "sparse", sparse([0, 17, 511])),
        case(R, "sparse_index_outside", sparse([0, 17, 99_999])),
        case(R, "sparse_index_negative", sparse([-1, 17, 511])),
        case(E, "sparse_unsorted", sparse([511, 17, 0])),
        case(R, "sparse_of_petabytes", sparse([0, 1, 2], (2**25, 2**25))),
        case(R, "constant_too_short", constant(lambda t: t.ClearField("float_data"))),
        case(R, "constant_of_terabytes", constant(lambda t: t.dims.__setitem__(0, 2**40))),
        case(R, "constant_negative", constant(lambda t: t.dims.__setitem__(0, -2))),
    ]
