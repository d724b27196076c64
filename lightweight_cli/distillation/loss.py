"""The loss as operators behind a student's outputs; what the teacher gives for the same inputs is an input beside.

    scores  T^2 sum_c p_c (log p_c - log q_c), p = softmax(t / T), q = softmax(s / T), mean over rows
    shares  the same for each element and its complement, at temperature 1
    values  (s - t)^2 over the variance of t, mean over elements
    labels  - sum_c y_c log softmax(s)_c, mean over rows

Every reduction is a mean over all axes, which all opsets write alike. Places that are padding count nothing: no one reads them, and in
sentences of up to 42 words they are more than half of all.
Source: Hinton, Vinyals, Dean 2015, arXiv:1503.02531.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from lightweight_cli.distillation.scores import Learned

if TYPE_CHECKING:
    from onnx import ModelProto

PREFIX = "lwc.loss."
LOSS = f"{PREFIX}whole"
LABELS = f"{PREFIX}labels"
"""The input of labels: 1 for the class of a row, else 0."""
LEAST = 1e-6
"""Added to shares and probabilities before the logarithm."""
FLAT = 1e-12
"""The least variance that a teacher's values are divided by."""


def given(number: int) -> str:
    """Return the name of the input that holds what the teacher gives for one of what is learned."""
    return f"{PREFIX}teacher{number}"


class Loss:
    """Appends a loss to a model's graph."""

    def __init__(self, proto: ModelProto, temperature: float, mask: tuple[str, np.ndarray] | None = None) -> None:
        """`mask`: the input that is 0 at padding, and what it is for the rows that the teacher shows."""
        self.graph, self.temperature, self.count, self.mask = proto.graph, temperature, 0, mask
        self.counted: str | None = None
        """Of what is learned now: 1 where a place counts, more the more of the batch is padding; None: all count alike."""

    def add(self, learned: Sequence[Learned], teacher: Mapping[str, np.ndarray], alpha: float, labelled: int | None) -> str:
        """Append the loss of all that is learned. Returns: the tensor's name.

        `teacher`: what it gave for some rows, by the names of its tensors; `labelled`: the one that labels tell, with a weight `alpha`.
        """
        terms = []
        for number, one in enumerate(learned):
            example = teacher[one.teacher]
            mine, theirs = one.student, given(number)
            self.graph.input.append(helper.make_tensor_value_info(theirs, TensorProto.FLOAT, [None] * example.ndim))
            self.counted = self._counted(one, example)
            term = self._term(one, mine, theirs, example)
            if number == labelled:
                scores = self._last(self._log(mine) if one.kind == "probabilities" else mine, one.axis, example.ndim)
                told = self._labels(scores, example.shape[one.axis], example.ndim)
                term = self._op("Add", self._times(term, 1 - alpha), self._times(told, alpha))
            terms.append(term)
        whole = terms[0]
        for term in terms[1:]:
            whole = self._op("Add", whole, term)
        self.graph.node.append(helper.make_node("Identity", [whole], [LOSS]))
        return LOSS

    def _term(self, one: Learned, mine: str, theirs: str, example: np.ndarray) -> str:
        if one.kind == "values":
            read = example if self.counted is None or self.mask is None else example[self.mask[1] != 0]
            part = self._times(self._op("Sub", mine, theirs), 1 / float(np.sqrt(max(FLAT, np.var(read, dtype=np.float64)))))
            return self._mean(self._op("Mul", part, part))
        if one.kind == "shares":
            other = [self._op("Sub", self._number(1.0), x) for x in (mine, theirs)]
            return self._op("Add", self._divergence(theirs, self._log(theirs), self._log(mine)),
                            self._divergence(other[1], self._log(other[1]), self._log(other[0])))
        if one.kind == "probabilities":
            mine, theirs = self._log(mine), self._log(theirs)
        rank, classes = example.ndim, example.shape[one.axis]
        q, p = (self._log_softmax(self._times(self._last(x, one.axis, rank), 1 / self.temperature), rank) for x in (mine, theirs))
        return self._times(self._divergence(self._op("Exp", p), p, q), classes * self.temperature**2)

    def _counted(self, one: Learned, example: np.ndarray) -> str | None:
        """Append what each place [sample, place] counts, of a tensor that has these axes first."""
        if self.mask is None or example.ndim < 3 or example.shape[:2] != self.mask[1].shape or not self.mask[1].any():
            return None
        if one.kind != "values" and one.axis % example.ndim < 2:
            return None
        shape = self._name()
        self.graph.initializer.append(numpy_helper.from_array(np.array([0, 0] + [1] * (example.ndim - 2), np.int64), shape))
        truth = self._op("Cast", self.mask[0], to=TensorProto.BOOL)
        places = self._op("Reshape", self._op("Cast", truth, to=TensorProto.FLOAT), shape)
        return self._op("Div", places, self._op("ReduceMean", places, keepdims=0))

    def _labels(self, scores: str, classes: int, rank: int) -> str:
        self.graph.input.append(helper.make_tensor_value_info(LABELS, TensorProto.FLOAT, [None] * rank))
        return self._times(self._mean(self._op("Mul", LABELS, self._log_softmax(scores, rank))), -classes)

    def _divergence(self, p: str, log_p: str, log_q: str) -> str:
        return self._mean(self._op("Mul", p, self._op("Sub", log_p, log_q)))

    def _last(self, name: str, axis: int, rank: int) -> str:
        axis %= rank
        order = [k for k in range(rank) if k != axis] + [axis]
        return name if axis == rank - 1 else self._op("Transpose", name, perm=order)

    def _log_softmax(self, name: str, rank: int) -> str:
        return self._op("LogSoftmax", name, axis=rank - 1)

    def _log(self, name: str) -> str:
        return self._op("Log", self._op("Add", name, self._number(LEAST)))

    def _mean(self, name: str) -> str:
        name = name if self.counted is None else self._op("Mul", name, self.counted)
        return self._op("ReduceMean", name, keepdims=0)

    def _times(self, name: str, factor: float) -> str:
        return name if factor == 1 else self._op("Mul", name, self._number(factor))

    def _number(self, value: float) -> str:
        name = self._name()
        self.graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), name))
        return name

    def _op(self, op_type: str, *inputs: str, **attributes: Any) -> str:
        name = self._name()
        self.graph.node.append(helper.make_node(op_type, list(inputs), [name], **attributes))
        return name

    def _name(self) -> str:
        self.count += 1
        return f"{PREFIX}{self.count}"
