"""float32 values that fit bfloat16 exactly: half the bytes and a Cast. Opset 13."""

from __future__ import annotations

from collections.abc import Sequence

from onnx import TensorProto

from lightweight_cli.encodings.floats import Floats, emit_narrow
from lightweight_cli.encodings.values import Numbers, Values
from lightweight_cli.numerics import fp
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.load_cost import LoadCost

NAME = "bfloat16"
MINIMUM_OPSET = 13
LOAD = LoadCost(6, 4)


def offers(values: Values, opset: int) -> bool:
    """Whether every value is a float32 whose lower half is zero."""
    if not isinstance(values, Floats) or opset < MINIMUM_OPSET or values.dtype != TensorProto.FLOAT or not values.size:
        return False
    return values.all_are(NAME, fp.fits_bfloat16)


def emit(e: Emission, values: Values, dims: Sequence[int]) -> Numbers:
    """Add the values as bfloat16; return the float32 tensor of shape `dims`."""
    assert isinstance(values, Floats)
    e.costs(LOAD, values.size)
    return emit_narrow(e, values, dims, TensorProto.BFLOAT16, fp.to_bfloat16)
