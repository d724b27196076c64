"""Steps applied to a model, each with its report and its line in the model's provenance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lightweight_cli.checking.amounts import parse_memory_limit
from lightweight_cli.errors import InputError, UsageError
from lightweight_cli.pipeline import moved, registry
from lightweight_cli.pipeline.context import Context
from lightweight_cli.pipeline.recipe import Step
from lightweight_cli.pipeline.signing import Signer
from lightweight_cli.pipeline.step_report import Progress, StepReport
from lightweight_cli.weights.load_budget import Budget

if TYPE_CHECKING:
    from lightweight_cli.data.portion import Portion
    from lightweight_cli.model.model import Model
    from lightweight_cli.pipeline.wanted import Wanted
    from lightweight_cli.targets.target import Target

LEARNING = 0.8
"""Of the samples that choose are for all steps of a recipe that trains; those held back are for none but that, to judge by."""


def run_steps(model: Model, steps: Sequence[Step], progress: Progress | None = None, calibrate: Portion | None = None,
              wanted: Wanted | None = None, target: Target | None = None) -> list[StepReport]:
    """Apply `steps` to the model in place.

    `calibrate`: data for those that can use them; `wanted`: what those that search are to hold; `target`: where the model goes.
    Weights that are then in a form that the target does not take are stored anew, by a step of their own.
    Returns: one report a step. Raises: UsageError for a step that has no data to learn from; whatever a step raises.
    """
    for step in steps:
        if trains(step) and (calibrate is None or not calibrate.paths):
            raise UsageError(f"{step.name}: needs data to learn from: give --calibrate or --data")
    if calibrate is not None and any(trains(step) for step in steps):  # what no step chose by tells which state is best
        calibrate = replace(calibrate, half="select", selecting=LEARNING)
    reports, signer = [], Signer(model)
    for step in steps:
        reports.append(_applied(model, step, signer, progress, calibrate, wanted, target))
    if target is not None and moved.needed(model, target):
        reports.append(_applied(model, moved.STEP, signer, progress, None, None, target, moving=True))
        moved.tell(model, target, reports[-1])
    return reports


def _applied(model: Model, step: Step, signer: Signer, progress: Progress | None, calibrate: Portion | None,
             wanted: Wanted | None, target: Target | None, moving: bool = False) -> StepReport:
    """Apply one step; `moving`: to nothing but weights whose form the target does not take. Returns: its report."""
    from lightweight_cli.weights.not_constant import NotConstant
    from lightweight_cli.weights.rows_taken import Restored, some_by_rows

    signer.before()
    which = registry.get(step.name)
    report = StepReport(str(step), unit=which.unit, lossy=which.lossy, progress=progress, grows=moving,
                        options={p.name: step.options.get(p.name, p.default) for p in which.parameters})
    try:
        plain = Restored()
        if some_by_rows(model):
            from lightweight_cli.weights.row_restoring import decode_whole

            plain = decode_whole(model)
        context = Context(model, report, step.options.get("only", ()), step.options.get("exclude", ()),
                          calibrate if calibrates(step) else None, budget(step), plain.names,
                          wanted, target, moving)
        report.changed = registry.apply(which, context, step.options)
        anew = which.lossy and report.modified  # of what loses nothing, runtimes shall fuse what they did
        if anew or plain.names:
            from lightweight_cli.weights.row_decoding import decode_by_rows

            decode_by_rows(model, None if anew else plain.names, plain.ranks, signer.size)
    except UnicodeDecodeError as e:
        raise InputError(f"{model.shown}: a name in the model is not UTF-8") from e
    except NotConstant as e:
        raise InputError(f"{model.shown}: {e}") from e
    report.left.sort(key=lambda left: -left.bytes)
    if report.modified:
        signer.after(report.signed or str(step), which.grows or moving)
    return report


def calibrates(step: Step) -> bool:
    """Whether a step can use calibration data."""
    which = registry.get(step.name)
    return which.calibrates({p.name: p.default for p in which.parameters} | step.options)


def searches(step: Step) -> bool:
    """Whether a step looks for the smallest model within a goal."""
    return registry.get(step.name).searches


def trains(step: Step) -> bool:
    """Whether a step learns from data."""
    return registry.get(step.name).trains


def budget(step: Step) -> Budget:
    """Return what decoding may take at load after a step."""
    text = step.options.get("load_memory")
    return Budget(*parse_memory_limit(text, "--load-memory")) if text is not None else Budget()
