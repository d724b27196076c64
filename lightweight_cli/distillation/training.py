"""The child's side of a training: both models, the data and the descent, in a process that a hostile model may bring down."""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lightweight_cli.checking.compare import operators
from lightweight_cli.data.portion import Portion, open_portion
from lightweight_cli.distillation.descent import Descent
from lightweight_cli.distillation.forms import form_of
from lightweight_cli.distillation.loss import Loss
from lightweight_cli.distillation.models import Models, run
from lightweight_cli.distillation.opened import opened, session_of, store, whole
from lightweight_cli.distillation.parameters import trainable
from lightweight_cli.distillation.pool import Drawn, pools
from lightweight_cli.distillation.reach import reached
from lightweight_cli.distillation.scores import Learned, before_softmax, learned
from lightweight_cli.distillation.settings import Settings
from lightweight_cli.distillation.vector import Vector
from lightweight_cli.errors import DataError, InputError, UsageError, printable
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.runtime.declared import declared
from lightweight_cli.weights.search import find_weights

if TYPE_CHECKING:
    from onnx import ModelProto

    from lightweight_cli.runtime.child import Progress

AT_ONCE = 0.5
"""Seconds of steps between two words with the parent, which may end the descent there."""
NOTHING = 1e-9
"""Loss below which the student gives what the teacher gives."""
BATCH = 32


class Training:
    """Answers "open" once, then "go" until it says that it is done, and "best" with the values of the best state."""

    def __init__(self) -> None:
        self.descent: Descent | None = None
        self.course: Iterator[None] = iter(())

    def __call__(self, request: dict[str, Any], arrays: Mapping[str, np.ndarray], tell: Progress) -> tuple[Any, dict[str, np.ndarray]]:
        """Answer one request of `Trainer`."""
        with np.errstate(all="ignore"):
            if request["do"] == "open":
                return self._open(request, tell), {}
            assert self.descent is not None
            if request["do"] == "go":
                return self._go(tell), {}
            self.descent.restore()
            d = self.descent
            told = {"first": d.first, "best": d.best, "done": d.done, "rate": d.rate, "ended": d.ended, "bytes": _peak()}
            return told, self.descent.vector.values

    def _go(self, tell: Progress) -> dict[str, Any]:
        """Take steps for a while."""
        assert self.descent is not None
        began, done = time.monotonic(), False
        while time.monotonic() - began < AT_ONCE and not done:
            done = next(self.course, self) is self
            tell("steps", self.descent.done, self.descent.total)
        d = self.descent
        loss = d.loss if math.isfinite(d.loss) else None
        return {"over": done, "done": d.done, "total": d.total, "loss": loss, "best": d.best if math.isfinite(d.best) else None}

    def _open(self, request: dict[str, Any], tell: Progress) -> dict[str, Any]:
        """Read the models and the data. Returns: samples that train and that are held back, and what reaches no output."""
        tell("load", 0, None)
        settings = Settings(**request["settings"])
        student, teacher = opened(request["model"]), whole(opened(request["teacher"]))
        scopes, wanted = Scopes(student.proto), set(request["names"])
        weights = find_weights(student, scopes)
        mine = [w for w in (*weights, *trainable(student, scopes, weights)) if w.name in wanted and w.scope.number == 0]
        forms = {w.name: form_of(w, any(w is x for x in weights)) for w in mine}
        shapes = {w.name: w.shape for w in mine}
        store(student, mine)
        interface, proto = declared(student.proto), whole(student)
        tell("data", 0, None)
        portion = Portion(**{**request["portion"], "paths": tuple(request["portion"]["paths"])})
        batches = open_portion(portion, interface, batch_size=settings.batch_size, ignore_labels=settings.alpha == 0)
        if settings.alpha and batches.labels is None:
            raise DataError(f"distill: --alpha {settings.alpha:g}: the data that train have no labels")
        train, held = pools(batches, settings.batch_size or BATCH, settings.seed)
        if held is None:
            raise InputError("distill: one sample can't both train and tell what is best: give more data")
        tell("load", 0, None)
        example = next(iter(held))
        what, shown, session = agreed(proto, teacher, [p.name for p in interface.outputs], settings, example)
        labelled = labelled_by(what, shown, example) if settings.alpha else None
        loss = Loss(proto, settings.temperature).add(what, shown, settings.alpha, labelled)
        far = [n for n in forms if n not in reached(proto, loss)]
        vector = Vector({n: f for n, f in forms.items() if n not in far}, shapes)
        if not vector.values:
            return {"far": far, "first": None, "samples": train.samples, "held": held.samples, "of": batches.of or 0}
        models = Models(session, proto, what, vector, labelled, settings.threads)
        self.descent = Descent(models, vector, train, held, settings)
        self.course = self.descent.course()
        if not math.isfinite(self.descent.first):
            raise InputError("distill: the loss of the student as it is is not finite: one of the models gives infinities or NaN")
        count = train.samples + held.samples
        return {"far": far, "first": self.descent.first, "equal": self.descent.first < NOTHING, "samples": train.samples,
                "held": held.samples, "of": count if batches.of is None else batches.of,
                "learned": [[one.output, one.kind] for one in what]}


def agreed(student: ModelProto, teacher: ModelProto, outputs: list[str], settings: Settings, example: Drawn) -> tuple[
        list[Learned], dict[str, np.ndarray], Any]:
    """Return what is learned, what the teacher gives for it on an example, and the teacher's session. Raises: UsageError, InputError."""
    made = operators(teacher)
    ends = {o: (before_softmax(student, o), before_softmax(teacher, o)) for o in outputs}
    names = [*outputs, *(t for _, (t, _) in ends.values()), *(t for _, t in settings.match)]
    missing = next((f"{printable(n)}: no tensor of the {where}" for where, proto, some in (
        ("student", student, [s for s, _ in settings.match]), ("teacher", teacher, [t for _, t in settings.match]))
        for n in some if not any(n in node.output for node in proto.graph.node)), None)
    if missing is not None:
        raise UsageError(f"distill: --match {missing}")
    session = session_of(teacher, names, settings.threads, "teacher")
    kinds = {o.name: o.type for o in session.get_outputs()}
    fed = {n: v for n, v in example.feed.items() if n in {i.name for i in session.get_inputs()}}
    order = list(dict.fromkeys(names))
    found = dict(zip(order, run(session, order, fed, "teacher"), strict=True))
    what = [learned(o, *ends[o], found[o], made.get(o)) for o in outputs if kinds[o] == "tensor(float)" and found[o].size]
    what += [Learned(t, s, t, "values") for s, t in settings.match]
    if not what:
        raise InputError("distill: the models have no float output to learn from")
    mine = session_of(student, [one.student for one in what], settings.threads, "student")
    given = run(mine, [one.student for one in what], {n: v for n, v in example.feed.items() if n in {i.name for i in mine.get_inputs()}},
                "student")
    for one, value in zip(what, given, strict=True):
        if value.shape != found[one.teacher].shape:
            raise UsageError(f"distill: {printable(one.student)} of the student is {list(value.shape)}, {printable(one.teacher)} of the "
                             f"teacher {list(found[one.teacher].shape)}")
    return what, found, session_of(teacher, [one.teacher for one in what], settings.threads, "teacher")


def labelled_by(what: list[Learned], shown: dict[str, np.ndarray], example: Drawn) -> int:
    """Return which of what is learned the labels tell: the first that has scores, one row a sample. Raises: DataError."""
    labels = example.labels
    for k, one in enumerate(what):
        rows = shown[one.teacher]
        fits = labels is not None and one.kind in ("scores", "probabilities") and rows.ndim == labels.ndim + 1
        if fits and labels is not None and labels.dtype.kind in "iu" and rows.shape[one.axis] > labels.max(initial=0):
            return k
    raise DataError("distill: --alpha: no output has a score for each class of the labels")


def _peak() -> int:
    """Return the most memory that this process has taken, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
