"""float8: rounding float32 as onnxruntime's Cast does, beyond the range to the largest number.

    e4m3fn, e4m3fnuz   largest 448, 240: no infinities        e5m2, e5m2fnuz   largest 57344

Source: ONNX, Cast-19, the table of casts with saturation; Micikevicius et al. 2022, arXiv:2209.05433.
"""

from __future__ import annotations

import numpy as np

LARGEST = {"float8_e4m3fn": 448.0, "float8_e4m3fnuz": 240.0, "float8_e5m2": 57344.0, "float8_e5m2fnuz": 57344.0}
QUIET_NAN = {"float8_e4m3fn": 0x7F, "float8_e4m3fnuz": 0x80, "float8_e5m2": 0x7F, "float8_e5m2fnuz": 0x80}
"""The NaN without a sign, which the types of one zero (fnuz) do not have."""


def to_float8(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Nearest numbers of a float8 type, ties to even; infinities too become its largest.

    NaN stay NaN. dtype is one of package ml_dtypes.

    Returns: dtype, of the shape of the float32 values.
    """
    largest = np.float32(LARGEST[dtype.name])
    rounded = np.clip(values, -largest, largest).astype(dtype)
    nan = np.isnan(values)
    if nan.any():
        pattern = QUIET_NAN[dtype.name]
        signs = 0 if pattern & 0x80 else np.where(np.signbit(values[nan]), 0x80, 0)
        rounded.view(np.uint8)[nan] = pattern | signs
    return rounded
