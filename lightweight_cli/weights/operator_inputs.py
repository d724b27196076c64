"""Which inputs of operators hold weights: lists only, for `lwc inspect`, which imports nothing heavy, reads them too."""

from __future__ import annotations

WEIGHT_INPUTS: dict[str, tuple[int, ...]] = {
    "Conv": (1,), "ConvTranspose": (1,), "ConvInteger": (1,), "FusedConv": (1,), "DeformConv": (1,), "Einsum": (0, 1),
    "Gemm": (0, 1), "FusedGemm": (1,), "MatMul": (0, 1), "FusedMatMul": (1,), "Gather": (0,), "LSTM": (1, 2),
    "GRU": (1, 2), "RNN": (1, 2), "Attention": (1,), "EmbedLayerNormalization": (2, 3, 4),
}  # fmt: skip
"""Operators that take a float weight, and the inputs where it stands: those of roles.ROLES."""
COMPUTE_INPUTS: dict[str, tuple[int, ...]] = {
    "ConvInteger": (1,), "MatMulInteger": (0, 1), "QLinearConv": (3,), "QLinearMatMul": (0, 3), "QGemm": (3,),
    "MatMulNBits": (1,), "GatherBlockQuantized": (0,), "DynamicQuantizeMatMul": (1,), "MatMulIntegerToFloat": (0, 1),
    "DynamicQuantizeLSTM": (1, 2), "QAttention": (1,), "MatMulBnb4": (1,), "QMoE": (2, 5, 8),
}  # fmt: skip
"""Operators that compute on quantized weights, and the inputs where the weight stands."""
ROWS = ".rows"
"""How the names of rows end that a Gather takes of what is stored of a table decoded by rows (row_decoding.py)."""
