"""An operator with a constant weight, as compute forms see it: the weight as one matrix, and of which kind the operator is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from lightweight_cli.weights.matrix import NoMatrix, matrix_of
from lightweight_cli.weights.node_attributes import number
from lightweight_cli.weights.view import View
from lightweight_cli.weights.weight import Role, Weight

Key = tuple[int, str]
"""A weight in every copy of its model: the number of its scope, and its name."""
LEAST = 1024
"""Values from which the weight of a product is worth integers: below, the nodes around it take longer. A Conv uses each many times."""


@dataclass(eq=False)
class Layer:
    """A weight and the operators that multiply by it, all of one kind."""

    weight: Weight
    view: View
    """As [groups, outputs, inputs]."""
    kind: str
    """What is decided together: "MatMul", "Gemm", "Conv", "small Conv", "grouped Conv", "depthwise Conv"."""

    @property
    def key(self) -> Key:
        """What finds the weight in a copy of the model."""
        return self.weight.scope.number, self.weight.name

    @property
    def roles(self) -> Sequence[Role]:
        """The uses of the weight."""
        return self.weight.roles

    def matrix(self) -> np.ndarray:
        """Return the weight as [groups, outputs, inputs] float32."""
        weight = self.weight
        seen = np.ascontiguousarray(self.view.of(weight.read(0, weight.size).reshape(weight.shape)), np.float32)
        weight.forget()
        return seen


def layers_of(weights: Sequence[Weight]) -> tuple[list[Layer], dict[int, str]]:
    """Return the layers among the weights, and by the others' ids why they are none."""
    found, reasons = [], {}
    for weight in weights:
        try:
            reason = weight.locked or unfit(weight)
            if not reason:
                found.append(Layer(weight, matrix_of(weight), kind_of(weight)))
        except NoMatrix as e:
            reason = str(e)
        if reason:
            reasons[id(weight)] = reason
    return found, reasons


def unfit(weight: Weight) -> str:
    """Return why no operator computes with the weight as integers, or nothing."""
    if not weight.size:
        return "is empty"
    if weight.size < LEAST and weight.op != "Conv":
        return f"has fewer than {LEAST:,} values"
    if weight.dtype != TensorProto.FLOAT:
        return "is not float32"
    ops = {(r.op, r.index) for r in weight.roles}
    if len({op for op, _ in ops}) > 1:
        return f"is used by {' and '.join(sorted(op for op, _ in ops))}"
    if not ops <= {("MatMul", 1), ("Gemm", 1), ("Conv", 1)}:
        return f"onnxruntime has no form in integers for {weight.op} that is faster"
    if any(r.scope.is_function for r in weight.roles) or weight.scope.is_function:
        return "is in a function"
    if any(r.node.domain not in ("", "ai.onnx") for r in weight.roles):
        return "is used by another domain's operator"
    return ""


def kind_of(weight: Weight) -> str:
    """Return what operators are decided together."""
    role = weight.roles[0]
    if role.op != "Conv":
        return role.op
    groups = max(1, number(role.node, "group", 1))
    if groups == 1:
        return "Conv" if weight.size >= LEAST else "small Conv"
    return "depthwise Conv" if weight.shape[1] == 1 else "grouped Conv"
