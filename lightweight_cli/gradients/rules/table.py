"""operator -> its rule, for those of ai.onnx."""

from __future__ import annotations

from collections.abc import Callable

from lightweight_cli.gradients.op import Op
from lightweight_cli.gradients.rules import (
    activations,
    arithmetic,
    control,
    convolution,
    gather,
    gru,
    lstm,
    matmul,
    normalization,
    pooling,
    quantized,
    recurrent,
    reductions,
    resize,
    shapes,
)

Rule = Callable[[Op], None]
RULES: dict[str, Rule] = {
    "Add": arithmetic.add, "Sum": arithmetic.add, "Sub": arithmetic.subtract, "Mul": arithmetic.multiply, "Div": arithmetic.divide,
    "Pow": arithmetic.power, "Max": arithmetic.extreme, "Min": arithmetic.extreme, "Mean": arithmetic.mean, "Where": arithmetic.where,
    "Neg": activations.negate, "Abs": activations.absolute, "Exp": activations.exponential, "Log": activations.logarithm,
    "Sqrt": activations.square_root, "Reciprocal": activations.reciprocal, "Sin": activations.sine, "Cos": activations.cosine,
    "Erf": activations.error_function, "Relu": activations.relu, "LeakyRelu": activations.leaky_relu,
    "PRelu": activations.parametric_relu, "ThresholdedRelu": activations.thresholded_relu, "Elu": activations.elu,
    "Celu": activations.celu, "Selu": activations.selu, "Sigmoid": activations.sigmoid, "Tanh": activations.tanh,
    "Softplus": activations.softplus, "Softsign": activations.softsign, "Mish": activations.mish, "Swish": activations.swish,
    "Gelu": activations.gelu, "HardSigmoid": activations.hard_sigmoid, "HardSwish": activations.hard_swish, "Clip": activations.clip,
    "Identity": activations.same, "Dropout": activations.same, "Cast": activations.cast, "CastLike": activations.cast,
    "Gemm": matmul.gemm, "MatMul": matmul.matmul, "Einsum": matmul.einsum,
    "Conv": convolution.conv, "ConvTranspose": convolution.conv_transpose,
    "MaxPool": pooling.max_pool, "AveragePool": pooling.average_pool, "LpPool": pooling.lp_pool,
    "GlobalAveragePool": pooling.global_average_pool, "GlobalMaxPool": pooling.global_max_pool,
    "BatchNormalization": normalization.batch_normalization, "LayerNormalization": normalization.layer_normalization,
    "RMSNormalization": normalization.rms_normalization, "InstanceNormalization": normalization.instance_normalization,
    "GroupNormalization": normalization.group_normalization, "LpNormalization": normalization.lp_normalization,
    **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze"), shapes.reshape),
    "Transpose": shapes.transpose, "Expand": shapes.expand, "Tile": shapes.tile, "Concat": shapes.concat, "Split": shapes.split,
    "Slice": shapes.slice_, "Pad": shapes.pad, "DepthToSpace": shapes.depth_to_space, "SpaceToDepth": shapes.space_to_depth,
    "Resize": resize.resize,
    "Gather": gather.gather, "GatherElements": gather.gather_elements, "GatherND": gather.gather_nd,
    "ScatterElements": gather.scatter_elements, "ScatterND": gather.scatter_nd,
    "ReduceSum": reductions.total, "ReduceMean": reductions.mean, "ReduceSumSquare": reductions.sum_of_squares,
    "ReduceL1": reductions.norm_1, "ReduceL2": reductions.norm_2, "ReduceLogSum": reductions.log_of_sum,
    "ReduceLogSumExp": reductions.log_of_sum_of_exponentials, "ReduceProd": reductions.product, "ReduceMax": reductions.extreme,
    "ReduceMin": reductions.extreme, "Softmax": reductions.softmax, "LogSoftmax": reductions.log_softmax,
    "CumSum": reductions.cumulative_sum, "TopK": reductions.top,
    "RNN": recurrent.rnn, "LSTM": lstm.lstm, "GRU": gru.gru, "If": control.if_,
    "QuantizeLinear": quantized.quantize, "DequantizeLinear": quantized.dequantize,
}
CONSTANT = frozenset((
    "Shape", "Size", "ConstantOfShape", "Constant", "Range", "EyeLike", "NonZero", "OneHot", "ArgMax", "ArgMin", "Hardmax",
    "Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual", "And", "Or", "Not", "Xor", "IsNaN", "IsInf",
    "Floor", "Ceil", "Round", "Sign", "RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial",
    "NonMaxSuppression"))
"""Operators whose outputs do not change with what goes in, or only in steps: nothing comes back through them."""
