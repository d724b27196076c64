"""Steps applied to a model, each with its report and its line in the model's provenance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lightweight_cli.errors import InputError
from lightweight_cli.model.provenance import sign
from lightweight_cli.pipeline import registry
from lightweight_cli.pipeline.context import Context
from lightweight_cli.pipeline.recipe import Step
from lightweight_cli.pipeline.step_report import Progress, StepReport

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model


def run_steps(model: Model, steps: Sequence[Step], progress: Progress | None = None) -> list[StepReport]:
    """Apply `steps` to the model in place. Returns: one report a step."""
    from lightweight_cli.weights.constants import NotConstant

    reports = []
    for step in steps:
        which = registry.get(step.name)
        report = StepReport(str(step), unit=which.unit, progress=progress)
        try:
            context = Context(model, report, step.options.get("only", ()), step.options.get("exclude", ()))
            report.changed = registry.apply(which, context, step.options)
        except UnicodeDecodeError as e:
            raise InputError(f"{model.shown}: a name in the model is not UTF-8") from e
        except NotConstant as e:
            raise InputError(f"{model.shown}: {e}") from e
        report.left.sort(key=lambda left: -left.bytes)
        if report.changed:
            sign(model, str(step))
        reports.append(report)
    return reports
