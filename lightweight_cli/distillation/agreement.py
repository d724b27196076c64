"""What a student and its teacher have in common, seen on a few samples: which tensors are learned, and that their shapes agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lightweight_cli.checking.compare import operators
from lightweight_cli.distillation.models import run
from lightweight_cli.distillation.opened import session_of
from lightweight_cli.distillation.pool import Drawn
from lightweight_cli.distillation.scores import Learned, before_softmax, learned
from lightweight_cli.distillation.settings import Settings
from lightweight_cli.errors import DataError, InputError, UsageError, printable

if TYPE_CHECKING:
    from onnx import ModelProto
    from onnxruntime import InferenceSession


class Agreement(NamedTuple):
    """What is learned, and from whom."""

    learned: list[Learned]
    shown: dict[str, np.ndarray]
    """What the teacher gives for some samples, by the names of its tensors."""
    teacher: InferenceSession
    """Its outputs are the tensors that are learned."""


def agreed(student: ModelProto, teacher: ModelProto, outputs: Sequence[str], settings: Settings, example: Drawn) -> Agreement:
    """Return what two models are to agree in. Raises: UsageError for --match, InputError where there is nothing, or one does not run."""
    for where, proto, names in (("student", student, [s for s, _ in settings.match]), ("teacher", teacher, [t for _, t in settings.match])):
        made = {o for node in proto.graph.node for o in node.output}
        unknown = next((n for n in names if n not in made), None)
        if unknown is not None:
            raise UsageError(f"distill: --match {printable(unknown)}: no tensor of the {where}")
    made_by = operators(teacher)
    ends = {o: (before_softmax(student, o), before_softmax(teacher, o)) for o in outputs}
    shown = seen(teacher, [*outputs, *(t for _, (t, _) in ends.values()), *(t for _, t in settings.match)], example, settings, "teacher")
    found = [learned(o, *ends[o], shown[o], made_by.get(o)) for o in outputs if is_float(shown[o])]
    found += [Learned(t, s, t, "values") for s, t in settings.match]
    if not found:
        raise InputError("distill: the models have no float output to learn from")
    mine = seen(student, [one.student for one in found], example, settings, "student")
    for one in found:
        a, b = mine[one.student], shown[one.teacher]
        if a.shape != b.shape or not is_float(a) or not is_float(b):
            raise UsageError(f"distill: {printable(one.student)} of the student is {a.dtype} {list(a.shape)}, {printable(one.teacher)} of "
                             f"the teacher {b.dtype} {list(b.shape)}")
    return Agreement(found, shown, session_of(teacher, [one.teacher for one in found], settings.threads, "teacher"))


def seen(proto: ModelProto, names: Sequence[str], example: Drawn, settings: Settings, what: str) -> dict[str, np.ndarray]:
    """Return tensors of a model for some samples. Raises: InputError where it does not run."""
    names = list(dict.fromkeys(names))
    session = session_of(proto, names, settings.threads, what)
    fed = {i.name for i in session.get_inputs()}
    return dict(zip(names, run(session, names, {n: v for n, v in example.feed.items() if n in fed}, what), strict=True))


def is_float(value: Any) -> bool:
    """Whether a value is a tensor of float32 with something in it."""
    return isinstance(value, np.ndarray) and value.dtype == np.float32 and value.size > 0


def labelled_by(what: Sequence[Learned], shown: Mapping[str, np.ndarray], example: Drawn) -> int:
    """Return which of what is learned the labels tell: the first that has scores, one row a sample. Raises: DataError."""
    labels = example.labels
    for k, one in enumerate(what):
        rows = shown[one.teacher]
        fits = labels is not None and one.kind in ("scores", "probabilities") and rows.ndim == labels.ndim + 1
        if fits and labels is not None and labels.dtype.kind in "iu" and rows.shape[one.axis] > labels.max(initial=0):
            return k
    raise DataError("distill: --alpha: no output has a score for each class of the labels")
