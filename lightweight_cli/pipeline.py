"""Steps applied to a model, each with its report and its line in the model's provenance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lightweight_cli import registry
from lightweight_cli.errors import InputError
from lightweight_cli.recipe import Step
from lightweight_cli.step_report import Progress, StepReport

if TYPE_CHECKING:
    from lightweight_cli.model_io import Model

RECIPE, SOURCE = "lwc.recipe", "lwc.source"
"""Keys of the model's metadata: the steps it went through, one a line, and the SHA-256 of the first step's input."""


def run(model: Model, steps: Sequence[Step], progress: Progress | None = None) -> list[StepReport]:
    """Apply `steps` to the model in place. Returns: one report a step."""
    from lightweight_cli.constants import NotConstant

    reports = []
    for step in steps:
        which = registry.get(step.name)
        model.step = StepReport(str(step), unit=which.unit, progress=progress)
        try:
            model.step.changed = registry.apply(which, model, step.options)
        except UnicodeDecodeError as e:
            raise InputError(f"{model.shown}: a name in the model is not UTF-8") from e
        except NotConstant as e:
            raise InputError(f"{model.shown}: {e}") from e
        if model.step.changed:
            sign(model, str(step))
        reports.append(model.step)
    return reports


def sign(model: Model, text: str) -> None:
    """Append a step to the model's provenance; the first one also names the source."""
    properties = {p.key: p for p in model.proto.metadata_props}
    if SOURCE not in properties:
        model.proto.metadata_props.add(key=SOURCE, value=model.digest)
    if RECIPE not in properties:
        model.proto.metadata_props.add(key=RECIPE, value=text)
    else:
        properties[RECIPE].value += "\n" + text
