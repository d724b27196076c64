"""The element types of a graph's values, as far as declarations and operators tell: a wrong guess is worse than none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import TensorProto

from lightweight_cli.weights import constants
from lightweight_cli.weights.node_attributes import number

if TYPE_CHECKING:
    from lightweight_cli.model.scopes import Scope

SAME = {
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization", "LayerNormalization", "InstanceNormalization"), (0,)),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum", "Mean", "Concat", "PRelu"), (0,)),
    **dict.fromkeys(("Relu", "LeakyRelu", "Sigmoid", "Tanh", "Erf", "Softmax", "LogSoftmax", "HardSwish", "HardSigmoid", "Elu", "Selu",
                     "Gelu", "Softplus", "Softsign", "Sqrt", "Exp", "Log", "Abs", "Neg", "Reciprocal", "Clip", "Floor", "Ceil", "Sin",
                     "Cos", "Identity", "Dropout"), (0,)),
    **dict.fromkeys(("MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin",
                     "ReduceL2", "ReduceProd", "CumSum", "TopK"), (0,)),
    **dict.fromkeys(("Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Slice", "Split", "Gather", "GatherND", "GatherElements",
                     "Pad", "Expand", "Tile", "Resize", "Upsample", "DepthToSpace", "SpaceToDepth", "ScatterND", "ScatterElements"), (0,)),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), (0,)),
    "Where": (1,),
}
"""Operators whose first output has the type of one input."""
FIXED = {
    **dict.fromkeys(("Shape", "Size", "NonZero", "ArgMax", "ArgMin"), TensorProto.INT64),
    **dict.fromkeys(("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "And", "Or", "Not", "IsNaN", "IsInf"), TensorProto.BOOL),
}
ALL = ("Split", "LSTM", "GRU", "RNN")
"""Operators all of whose outputs have it."""


def types_of(main: Scope) -> dict[str, int]:
    """Return the types of the values of the main graph that are known."""
    graph = main.graph
    known = {t.name: t.data_type for t in graph.initializer}
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.type.HasField("tensor_type") and value.type.tensor_type.elem_type:
            known[value.name] = value.type.tensor_type.elem_type
    for node in graph.node:
        if node.domain not in ("", "ai.onnx"):
            continue
        kind: int | None = FIXED.get(node.op_type)
        if node.op_type == "Cast":
            kind = number(node, "to", 0) or None
        elif node.op_type == "Constant":
            tensor = constants.constant(node)
            kind = tensor.data_type if tensor is not None else None
        elif node.op_type in SAME:
            at = SAME[node.op_type][0]
            kind = known.get(node.input[at]) if at < len(node.input) else None
        if kind is not None:
            for name in node.output if node.op_type in ALL else node.output[:1]:
                known.setdefault(name, kind)
    return known
