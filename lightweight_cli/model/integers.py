"""Few small integers, such as a shape, in as many bytes as each needs instead of 4 or 8 for each."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

SMALL = 512
"""Bytes up to which integers are looked at: what holds more is no shape."""


def shorten(tensor: TensorProto) -> bool:
    """Store the integers of a tensor as numbers of varying length where that is smaller. Returns: whether it is."""
    if tensor.data_type not in (TensorProto.INT32, TensorProto.INT64) or not 0 < len(tensor.raw_data) <= SMALL:
        return False
    wide = tensor.data_type == TensorProto.INT64
    short = TensorProto()
    short.CopyFrom(tensor)
    short.ClearField("raw_data")
    (short.int64_data if wide else short.int32_data).extend(np.frombuffer(tensor.raw_data, "<i8" if wide else "<i4").tolist())
    if short.ByteSize() >= tensor.ByteSize():
        return False
    tensor.CopyFrom(short)
    return True
