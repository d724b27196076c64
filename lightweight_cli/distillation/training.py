"""The child's side of a training: both models, the data and the descent, in a process that a hostile model may bring down."""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lightweight_cli.calibration.padding import mask_of
from lightweight_cli.calibration.reading import opened
from lightweight_cli.data.batches import open_batches
from lightweight_cli.data.portion import Half, chosen, received
from lightweight_cli.distillation.agreement import agreed, labelled_by
from lightweight_cli.distillation.descent import Descent
from lightweight_cli.distillation.forms import form_of
from lightweight_cli.distillation.loss import Loss
from lightweight_cli.distillation.models import Models
from lightweight_cli.distillation.opened import store, whole
from lightweight_cli.distillation.parameters import trainable
from lightweight_cli.distillation.parts import at_once
from lightweight_cli.distillation.pool import MOST, pool_of
from lightweight_cli.distillation.reach import reached
from lightweight_cli.distillation.settings import Settings
from lightweight_cli.distillation.vector import Vector
from lightweight_cli.errors import DataError, InputError
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.runtime.declared import declared
from lightweight_cli.weights.search import find_weights

if TYPE_CHECKING:
    from lightweight_cli.runtime.child import Progress

AT_ONCE = 0.5
"""Seconds of steps between two words with the parent, which may end the descent there."""
NOTHING = 1e-6
"""Loss below which the student gives what the teacher gives, but for rounding: scores differ by a thousandth."""
BATCH = 32
HALVES: tuple[Half, Half] = ("select", "confirm")
"""Of a portion: what trains, and what tells which state is best."""


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
        student, teacher = opened(request["model"])[0], whole(opened(request["teacher"])[0])
        scopes, wanted = Scopes(student.proto), set(request["names"])
        weights = find_weights(student, scopes)
        mine = [w for w in (*weights, *trainable(student, scopes, weights)) if w.name in wanted and w.scope.number == 0]
        forms = {w.name: form_of(w, any(w is x for x in weights)) for w in mine}
        shapes = {w.name: w.shape for w in mine}
        store(student, mine)
        interface, proto = declared(student.proto), whole(student)
        tell("data", 0, None)
        portion = received(request["portion"])
        batches = open_batches(portion.paths, interface, batch_size=settings.batch_size, ignore_labels=settings.alpha == 0)
        both = [chosen(replace(batches), replace(portion, half=half)) for half in HALVES]  # opened once: a reader is called once
        if settings.alpha and both[0].labels is None:
            raise DataError(f"distill: --alpha {settings.alpha:g}: the data that train have no labels")
        if not both[0].fresh:
            raise InputError("distill: one sample can't both train and tell what is best: give more data")
        train, held = (pool_of(half, settings.batch_size or BATCH, settings.seed) for half in both)
        tell("load", 0, None)
        example = next(held.judging())
        what, shown, session = agreed(proto, teacher, [p.name for p in interface.outputs], settings, example)  # before the loss is added
        labelled = labelled_by(what, shown, example) if settings.alpha else None
        taken = {i.name for i in proto.graph.input}
        most = at_once(proto, held, settings)
        mask = mask_of({n: v for n, v in example.feed.items() if n in taken})
        masked = None if mask is None else (mask, example.feed[mask])
        loss = Loss(proto, settings.temperature, masked).add(what, shown, settings.alpha, labelled)
        near = reached(proto, loss)
        far = [n for n in forms if n not in near]
        vector = Vector({n: f for n, f in forms.items() if n not in far}, shapes)
        if not vector.values:
            return {"far": far, "first": None, "samples": train.samples, "held": held.samples, "of": both[0].of or 0}
        models = Models(session, proto, what, vector, labelled, settings.threads)
        self.descent = Descent(models, vector, train, held, settings, lambda: tell("look", 0, None), most)
        self.course = self.descent.course()
        if not math.isfinite(self.descent.first):
            raise InputError("distill: the loss is not finite before any step: one of the models gives infinities or NaN")
        return {"far": far, "first": self.descent.first, "equal": self.descent.first < NOTHING, "samples": train.samples,
                "held": min(MOST, held.samples), "of": both[0].of or 0}


def _peak() -> int:
    """Return the most memory that this process has taken, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
