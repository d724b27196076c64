"""The models that a descent runs: the teacher, the student with its loss, and the student with the gradients of that loss.

Each is a session that is kept; weights are inputs that share the descent's own arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.distillation.loss import LABELS, LOSS, given
from lightweight_cli.distillation.opened import session_of
from lightweight_cli.distillation.pool import Drawn
from lightweight_cli.distillation.scores import Learned
from lightweight_cli.distillation.vector import Vector
from lightweight_cli.errors import InputError, UsageError
from lightweight_cli.gradients import differentiate, gradient_name
from lightweight_cli.runtime.sessions import reason

if TYPE_CHECKING:
    from onnx import ModelProto
    from onnxruntime import InferenceSession


class Models:
    """A student and its teacher."""

    def __init__(self, teacher: InferenceSession, proto: ModelProto, learned: Sequence[Learned], vector: Vector, labelled: int | None,
                 threads: int) -> None:
        """`proto`: the student with its loss. Raises: UsageError where there is no gradient; InputError."""
        import onnxruntime as ort

        names = list(vector.values)
        self.teacher, self.learned, self.labelled = teacher, learned, labelled
        self.fed_to_teacher = {i.name for i in teacher.get_inputs()}
        try:
            whole = differentiate(proto, LOSS, names)
        except UsageError as e:
            raise UsageError(f"distill: {e}; --exclude may leave out the weights before it") from e
        self.trained = session_of(whole, [LOSS, *map(gradient_name, names)], threads, "student's gradients")
        self.judged = session_of(whole, [LOSS], threads, "student")
        self.inputs = {id(s): {i.name for i in s.get_inputs()} for s in (self.trained, self.judged)}
        self.values = {n: ort.OrtValue.ortvalue_from_numpy(v) for n, v in vector.values.items()}
        self.loss = np.zeros((), np.float32)
        self.gradients, self.sums = vector.gradients, dict[str, np.ndarray]()
        self.step_binding, self.loss_binding = self.trained.io_binding(), self.judged.io_binding()
        for name, value in self.values.items():
            for session, binding in ((self.trained, self.step_binding), (self.judged, self.loss_binding)):
                if name in self.inputs[id(session)]:
                    binding.bind_ortvalue_input(name, value)
            gradient = ort.OrtValue.ortvalue_from_numpy(vector.gradients[name])
            self.step_binding.bind_ortvalue_output(gradient_name(name), gradient)
        shared = ort.OrtValue.ortvalue_from_numpy(self.loss)
        self.step_binding.bind_ortvalue_output(LOSS, shared)
        self.loss_binding.bind_ortvalue_output(LOSS, shared)

    def targets(self, drawn: Drawn) -> dict[str, np.ndarray]:
        """Return what the teacher gives for a batch, by the inputs of the loss. Raises: InputError where it does not run."""
        names = list(dict.fromkeys(one.teacher for one in self.learned))
        found = dict(zip(names, run(self.teacher, names, {n: v for n, v in drawn.feed.items() if n in self.fed_to_teacher}, "teacher"),
                         strict=True))
        fed = {given(k): found[one.teacher] for k, one in enumerate(self.learned)}
        if self.labelled is not None:
            one = self.learned[self.labelled]
            fed[LABELS] = one_hot(drawn.labels, found[one.teacher].shape[one.axis])
        return fed

    def step(self, parts: Sequence[Drawn]) -> float:
        """Fill the gradients of a batch, given in parts. Returns: its loss. Raises: InputError where a model does not run."""
        whole, loss = sum(part.samples for part in parts), 0.0
        for number, part in enumerate(parts):
            share = part.samples / whole
            loss += share * self._run(self.trained, self.step_binding, part, self.targets(part))
            if len(parts) > 1:
                for name, gradient in self.gradients.items():
                    sums = self.sums.setdefault(name, np.empty_like(gradient))
                    np.multiply(gradient, share, out=gradient)
                    np.add(sums if number else 0, gradient, out=sums)
        for name, sums in self.sums.items() if len(parts) > 1 else ():
            np.copyto(self.gradients[name], sums)
        return loss

    def judge(self, drawn: Drawn, targets: Mapping[str, np.ndarray]) -> float:
        """Return the loss of a batch. Raises: InputError where the student does not run."""
        return self._run(self.judged, self.loss_binding, drawn, targets)

    def _run(self, session: InferenceSession, binding: object, drawn: Drawn, targets: Mapping[str, np.ndarray]) -> float:
        try:
            for name, array in {**drawn.feed, **targets}.items():
                if name in self.inputs[id(session)]:
                    binding.bind_cpu_input(name, np.ascontiguousarray(array))  # type: ignore[attr-defined]
            session.run_with_iobinding(binding)
        except Exception as e:  # onnxruntime's exceptions have no common base
            raise InputError(f"the student does not run with its loss: {reason(e)}") from e
        return float(self.loss)


def run(session: InferenceSession, names: Sequence[str], feed: Mapping[str, np.ndarray], what: str) -> list[np.ndarray]:
    """Return some outputs. Raises: InputError where the model does not run."""
    try:
        found: list[np.ndarray] = session.run(list(names), dict(feed))
    except Exception as e:  # onnxruntime's exceptions have no common base
        raise InputError(f"the {what} does not run on the data: {reason(e)}") from e
    return found


def one_hot(labels: np.ndarray | None, classes: int) -> np.ndarray:
    """Return rows that are 1 at the class of each label."""
    assert labels is not None
    return np.eye(classes, dtype=np.float32)[labels.astype(np.int64)]
