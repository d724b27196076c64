"""A tensor that an encoding stores, before it is in a model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from lightweight_cli.model import integers


@dataclass(eq=False, repr=False)
class Stored:
    """A tensor to be: its type and shape, its bytes, and what makes them; None where `proto` holds them, as few integers do."""

    proto: TensorProto
    nbytes: int
    produce: Any
    shared: bool = False
    is_table: bool = False
    """Whether all weights of a model pay for it together; shapes and single numbers, of some 40 bytes, count for each."""


def of_array(name: str, array: np.ndarray) -> Stored:
    """Return a tensor of known values."""
    proto, content = declared(name, array)
    if array.dtype.kind == "i" and array.nbytes <= integers.SMALL:
        proto.raw_data = content
        if integers.shorten(proto):
            return Stored(proto, 0, None)
        proto.ClearField("raw_data")
    return Stored(proto, array.nbytes, content)


def declared(name: str, array: np.ndarray) -> tuple[TensorProto, bytes]:
    """Return a tensor without its bytes, and those."""
    proto = TensorProto(name=name, data_type=helper.np_dtype_to_tensor_dtype(array.dtype), dims=array.shape)
    return proto, np.ascontiguousarray(array).tobytes()


@lru_cache(1024)
def of_integers(name: str, kind: int, values: int | tuple[int, ...]) -> tuple[TensorProto, bytes]:
    """Return the same of integers, not to be changed: weights ask for the same shapes and numbers again and again."""
    return declared(name, np.array(values, helper.tensor_dtype_to_np_dtype(kind)))
