"""What of a model's outputs is learned: the scores before a softmax, found in the graph, or the values themselves.

Probabilities are flat where a model is sure: a descent on them sees a loss near zero and learns nothing. What stands before the softmax
tells how sure the teacher is of every class.
Source: Hinton, Vinyals, Dean 2015, arXiv:1503.02531, section 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from lightweight_cli.checking.metrics.classes import class_axis
from lightweight_cli.checking.metrics.reading import reading
from lightweight_cli.model.opsets import versions_of
from lightweight_cli.weights.node_attributes import number

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

MOVES = {"Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Transpose", "Cast", "Dropout"}
"""Operators that keep values, behind which a softmax is looked for."""
SOFTMAX = {"Softmax", "LogSoftmax"}
FARTHEST = 16
"""Such operators at most."""
LAST_AXIS = 13
"""The opset from which a softmax works along one axis; before, along that and all behind it."""
Kind = Literal["scores", "probabilities", "shares", "values"]
"""Scores before a softmax; probabilities whose softmax was not found; shares from 0 to 1 for each element; any other values."""


class Learned(NamedTuple):
    """What stands for an output: a tensor of the student and one of the teacher, of the same shape."""

    output: str
    student: str
    teacher: str
    kind: Kind
    axis: int = -1
    """Of the classes."""


def before_softmax(proto: ModelProto, output: str) -> tuple[str, int | None]:
    """Return the tensor that goes into the softmax behind an output, and the softmax's axis; the output itself and None without one."""
    makers: dict[str, NodeProto] = {o: n for n in proto.graph.node for o in n.output}
    name = output
    for _ in range(FARTHEST):
        node = makers.get(name)
        if node is None or node.domain not in ("", "ai.onnx"):
            break
        if node.op_type in SOFTMAX:
            modern = versions_of(proto.opset_import).get("", 1) >= LAST_AXIS
            return node.input[0], int(number(node, "axis", -1 if modern else 1))
        if node.op_type not in MOVES:
            break
        name = node.input[0]
    return output, None


def learned(output: str, student: tuple[str, int | None], teacher: tuple[str, int | None], values: np.ndarray,
            made_by: str | None) -> Learned:
    """Return how an output is learned: by what both models have before a softmax, else by the teacher's `values` of the output."""
    if student[1] is not None and teacher[1] is not None:
        return Learned(output, student[0], teacher[0], "scores", student[1])
    axis = class_axis(values, output, made_by)
    if axis is None:
        shares = made_by in ("Sigmoid", "HardSigmoid") and bool(values.size)
        return Learned(output, output, output, "shares" if shares else "values")
    read = reading(np.moveaxis(values, axis, -1))
    kind: Kind = "probabilities" if read == "probabilities" else "shares" if read == "independent" else "scores"
    return Learned(output, output, output, kind, axis)
