"""float32 values that fit float16 exactly: half the bytes and a Cast."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto

from lightweight_cli.encodings.floats import Floats, emit_narrow
from lightweight_cli.encodings.values import Numbers, Values
from lightweight_cli.numerics import fp
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.load_cost import LoadCost

NAME = "float16"
MINIMUM_OPSET = 7
LOAD = LoadCost(6, 4)


def offers(values: Values, opset: int) -> bool:
    """Whether every value is a float32 that survives float16."""
    if not isinstance(values, Floats) or values.dtype != TensorProto.FLOAT or not values.size:
        return False
    return opset >= MINIMUM_OPSET and values.all_are(NAME, fp.fits_half)


def emit(e: Emission, values: Values, dims: Sequence[int]) -> Numbers:
    """Add the values as float16; return the float32 tensor of shape `dims`."""
    assert isinstance(values, Floats)
    e.costs(LOAD, values.size)
    return emit_narrow(e, values, dims, TensorProto.FLOAT16, lambda part: part.astype(np.float16))
