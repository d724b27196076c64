"""Operators that compute on integers as they are stored: lists only, for `lwc inspect` reads them too."""

from __future__ import annotations

COMPUTE_INPUTS: dict[str, tuple[int, ...]] = {
    "ConvInteger": (1,), "MatMulInteger": (0, 1), "QLinearConv": (3,), "QLinearMatMul": (0, 3), "QGemm": (3,),
    "MatMulNBits": (1,), "GatherBlockQuantized": (0,), "DynamicQuantizeMatMul": (1,), "MatMulIntegerToFloat": (0, 1),
    "DynamicQuantizeLSTM": (1, 2), "QAttention": (1,), "MatMulBnb4": (1,), "QMoE": (2, 5, 8),
}  # fmt: skip
"""Operators that compute on quantized weights, and the inputs where the weight stands."""
