"""The step as a whole: which values are trained, by whom, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lightweight_cli.calibration.settings import MEMORY
from lightweight_cli.calibration.settings import Settings as Data
from lightweight_cli.distillation.parameters import trainable
from lightweight_cli.distillation.settings import Settings
from lightweight_cli.distillation.trainer import Trained, Trainer
from lightweight_cli.encodings.bundling import Bundling
from lightweight_cli.errors import UsageError, printable
from lightweight_cli.model.load import load
from lightweight_cli.passes.distill.storing import fits, store
from lightweight_cli.pipeline.step_report import Calibrated
from lightweight_cli.runtime.declared import declared
from lightweight_cli.runtime.sessions import Port
from lightweight_cli.weights.rewrite import Rewriter
from lightweight_cli.weights.selection import Selection

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model
    from lightweight_cli.pipeline.context import Context
    from lightweight_cli.weights.weight import Weight

EQUAL = "the student gives what the teacher gives: there is nothing to learn"
NONE = "no float32 weight that can be trained"


def distill_student(context: Context, teacher: str | None, how: Settings) -> int:
    """Train a student. Returns: the weights that changed. Raises: UsageError, InputError."""
    step, portion = context.step, context.portion
    assert portion is not None, "run_steps asks for data"
    original = load(teacher if teacher is not None else context.model.reopened)
    refuse_other(context.model, original)
    rewriter = Rewriter(context.model, step, budget=context.budget, by_rows=context.by_rows, bundling=Bundling(context.limits))
    vectors = trainable(context.model, rewriter.scopes, rewriter.weights)
    everything = [*rewriter.weights, *vectors]
    selection = Selection(context.only, context.exclude)
    selection.check(everything)
    for weight in everything:
        weight.locked = weight.locked or selection.reason(weight)
    for weight in rewriter.weights:
        weight.locked = weight.locked or fits(rewriter, weight, context.limits)
    free = {w.name: w for w in everything if not w.locked}
    if not any(not w.locked for w in rewriter.weights):
        step.note(NONE)
        return _left(context, everything, "")
    settings = Data(portion, memory=portion.memory or MEMORY, batch_size=how.batch_size)
    with Trainer(context.model, original, list(free), settings, how._replace(seed=portion.seed)) as trainer:
        step.calibrated = Calibrated(trainer.samples + trainer.held, trainer.of, portion.role == "calibrate")
        for name in trainer.far:
            free.pop(name).locked = "reaches nothing that is learned"
        if trainer.equal or trainer.first is None:
            step.note(EQUAL if trainer.equal else NONE)
            return _left(context, everything, EQUAL if trainer.equal else "")
        trained = trainer.run(lambda loss, best, done, of: step.stage(_shown(loss, best), done, of))
        held = trainer.held
    step.note(_said(trained, held))
    if not trained.best < trained.first:
        return _left(context, everything, "no state was better on the samples held back")
    _left(context, [w for w in everything if w.locked], "")
    return store(context, rewriter, [v for v in vectors if not v.locked], trained.values)


def pairs(match: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return the tensors of --match: of the student, of the teacher. Raises: UsageError."""
    found = []
    for text in match:
        mine, sign, theirs = text.partition("=")
        if not mine or (sign and not theirs):
            raise UsageError(f"distill: --match {printable(text)}: must be A=B, a tensor of the student and one of the teacher")
        found.append((mine, theirs or mine))
    return tuple(found)


def refuse_other(student: Model, teacher: Model) -> None:
    """Refuse a teacher that takes or gives something else, before any work. Raises: UsageError."""
    mine, theirs = declared(student.proto), declared(teacher.proto)
    known = {p.name: p for p in (*theirs.inputs, *theirs.overridable)}
    for kind, ports, others in (("input", mine.inputs, known), ("output", mine.outputs, {p.name: p for p in theirs.outputs})):
        for port in ports:
            if port.name not in others or others[port.name].type != port.type:
                raise UsageError(f'distill: {kind} "{printable(port.name)}" of the student is {port}, the teacher has '
                                 f"{_other(others.get(port.name))}")
    more = next((p for p in theirs.inputs if p.name not in {q.name for q in (*mine.inputs, *mine.overridable)}), None)
    if more is not None:
        raise UsageError(f'distill: the teacher takes "{printable(more.name)}", {more}, which the student has not')


def _other(port: Port | None) -> str:
    return "none of that name" if port is None else str(port)


def _left(context: Context, weights: Sequence[Weight], reason: str) -> int:
    """Record why weights stay. Returns: 0."""
    for weight in weights:
        if weight.locked or reason:
            context.step.leave(weight.name, weight.op, weight.shape, weight.stored_bytes(), weight.locked or reason)
    return 0


def _shown(loss: float | None, best: float | None) -> str:
    figures = [f"{what} {value:.4g}" for what, value in (("loss", loss), ("best on samples held back", best)) if value is not None]
    return ", ".join(figures) or "learning"


def _said(trained: Trained, held: int) -> str:
    ended = f", {trained.ended}" if trained.ended else ""
    return (f"loss on {held:,} samples held back: {trained.first:.4g} -> {trained.best:.4g} in {trained.steps:,} steps, "
            f"rate {trained.rate:g}{ended}; {trained.nbytes / 1e6:,.0f} MB of memory")
