"""An operator with a constant weight, as compute forms see it: the weight as one matrix, and of which kind the operator is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from lightweight_cli.weights.matrix import NoMatrix, matrix_of
from lightweight_cli.weights.node_attributes import number
from lightweight_cli.weights.view import View
from lightweight_cli.weights.weight import Key, Role, Weight

RECURRENT = "LSTM", 2
"""The weight of the hidden state, by operator and input."""
LEAST = 1024
"""Values from which the weight of a product is worth integers: below, the nodes around it take longer. A Conv uses each many times."""


@dataclass(eq=False)
class Layer:
    """A weight and the operators that multiply by it, all of one kind."""

    weight: Weight
    view: View
    """As [groups, outputs, inputs]."""
    kind: str
    """What is decided together: "MatMul", "Gemm", "Conv", "small Conv", "grouped Conv", "depthwise Conv", "LSTM"."""
    beside: tuple[Weight, View] | None = None
    """The other weight of an LSTM, R, which goes with W."""

    @property
    def key(self) -> Key:
        """What finds the weight in a copy of the model."""
        return self.weight.key

    @property
    def roles(self) -> Sequence[Role]:
        """The uses of the weight."""
        return self.weight.roles

    @property
    def parts(self) -> list[tuple[Weight, View]]:
        """Its weights, each as a matrix."""
        return [(self.weight, self.view), *([self.beside] if self.beside is not None else [])]

    def matrices(self) -> Iterator[np.ndarray]:
        """Yield the weights as [groups, outputs, inputs] float32."""
        for weight, view in self.parts:
            yield np.ascontiguousarray(view.of(weight.read(0, weight.size).reshape(weight.shape)), np.float32)
            weight.forget()

    def matrix(self) -> np.ndarray:
        """Return its weight as [groups, outputs, inputs] float32."""
        return next(self.matrices())


def layers_of(weights: Sequence[Weight]) -> tuple[list[Layer], dict[int, str]]:
    """Return the layers among the weights, and by the others' ids why they are none."""
    found, reasons, paired = [], {}, set()
    recurrent = {id(r.node): w for w in weights for r in w.roles if (r.op, r.index) == RECURRENT}
    for weight in weights:
        other = recurrent.get(id(weight.roles[0].node)) if weight.op == RECURRENT[0] else None
        if other is weight and id(weight) in paired:
            continue
        try:
            reason = weight.locked or unfit(weight) or (unfit_beside(weight, other) if weight.op == RECURRENT[0] else "")
            if not reason:
                found.append(Layer(weight, matrix_of(weight), kind_of(weight), None if other is None else (other, matrix_of(other))))
                paired.add(id(other))
        except NoMatrix as e:
            reason = str(e)
        if reason:
            reasons[id(weight)] = reason
    return found, reasons


def unfit_beside(weight: Weight, other: Weight | None) -> str:
    """Return why an LSTM's W has no R that goes with it, or nothing."""
    if other is None:
        return "the recurrent weight of its LSTM is computed"
    if other is weight:
        return "the other weight of its LSTM stays"
    if {id(r.node) for r in weight.roles} != {id(r.node) for r in other.roles}:
        return "its LSTMs have not the same other weight"
    return other.locked or ("" if other.dtype == TensorProto.FLOAT else "is not float32")


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
    if not ops <= {("MatMul", 1), ("Gemm", 1), ("Conv", 1), ("LSTM", 1), RECURRENT}:
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
