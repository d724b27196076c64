"""operator -> its rule, for those of ai.onnx, and of com.microsoft under the same name."""

from __future__ import annotations

from collections.abc import Callable

from lightweight_cli.structure.rules import contractions, elementwise, moving, normalising, recurrent, reshaping
from lightweight_cli.structure.trace import Op

Rule = Callable[[Op], None]
RULES: dict[str, Rule] = {
    **dict.fromkeys(elementwise.UNARY, elementwise.unary),
    **dict.fromkeys(elementwise.BROADCAST, elementwise.broadcast),
    "DequantizeLinear": elementwise.quantized, "QuantizeLinear": elementwise.quantized,
    "Conv": contractions.conv, "ConvTranspose": contractions.conv_transpose, "Gemm": contractions.gemm, "MatMul": contractions.matmul,
    "BatchNormalization": normalising.batch_normalization, "InstanceNormalization": normalising.instance_normalization,
    "GroupNormalization": normalising.group_normalization, "LayerNormalization": normalising.layer_normalization,
    **dict.fromkeys(("Softmax", "LogSoftmax", "Hardmax"), normalising.softmax),
    **dict.fromkeys(("MaxPool", "AveragePool", "LpPool", "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"), normalising.pooling),
    **dict.fromkeys(("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare",
                     "ReduceLogSum", "ReduceLogSumExp", "ArgMax", "ArgMin"), normalising.reduction),
    "Transpose": moving.transpose, "Concat": moving.concat, "Split": moving.split, "Slice": moving.slice_, "Gather": moving.gather,
    "Pad": moving.pad, "Expand": moving.expand, "Tile": moving.tile, "Resize": moving.resize, "Upsample": moving.resize,
    **dict.fromkeys(recurrent.GATES, recurrent.recurrent),
    "ConstantOfShape": moving.constant_of_shape,
    **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze"), reshaping.reshape),
}
STATING = {("Reshape", 1), ("Expand", 1), ("Resize", 3), ("ConstantOfShape", 0)}
"""Inputs that state sizes, which follow where a rule says so."""
NO_TIES = {"Constant", "Shape"}
"""Operators that make nothing of what the positions hold."""
