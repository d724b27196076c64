"""The steps of a call as a TOML recipe: options that were given, and what a search chose."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from lightweight_cli.checking.check import Check
from lightweight_cli.checking.gates import Gates
from lightweight_cli.errors import OutputError, printable
from lightweight_cli.pipeline.recipe import Step
from lightweight_cli.pipeline.step_report import StepReport
from lightweight_cli.targets.target import Target


def save(path: str, steps: Sequence[Step], reports: Sequence[StepReport], check: Check | None, gates: Gates,
         place: Target | None = None) -> None:
    """Write a recipe that `lwc run --recipe` reads; what a target asks for beside the steps has no part in it. Raises: OutputError."""
    text = "\n".join(_table(step, report) for step, report in zip(steps, reports, strict=False)) + _drawn(check)
    if gates.max_drop is not None:  # it decides how many rows fit
        text += f"\n[gates]\nmax-drop = {gates.max_drop!r}\n"
    if place is not None:
        text += f"\n[target]\ntarget = {_toml(place.name)}\n" + (f"min-runtime = {_toml(place.runtime)}\n" if place.runtime else "")
    try:
        with open(path + ".tmp", "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(path + ".tmp", path)
    except OSError as e:
        raise OutputError(f"{printable(path)}: {e.strerror}") from e


def check_folder(path: str) -> None:
    """Refuse before the work what can't be written after it. Raises: OutputError."""
    folder = os.path.dirname(path) or "."
    if os.path.isdir(path) or not os.path.isdir(folder):
        raise OutputError(f"{printable(path)}: {'is a folder' if os.path.isdir(path) else 'no such folder'}")


def _table(step: Step, report: StepReport) -> str:
    options = step.options if report.plan is None else report.plan
    selection = {k: v for k, v in step.options.items() if k in ("only", "exclude", "load_memory")}
    lines = [f"pass = {_toml(step.name)}", *(f"{k} = {_toml(v)}" for k, v in {**options, **selection}.items())]
    return "[[step]]\n" + "\n".join(lines) + "\n"


def _drawn(check: Check | None) -> str:
    """The options of the check by which data are drawn: the same rows must fit again."""
    drawn = {"seed": check.seed or None, "samples": check.samples, "batch-size": check.batch_size} if check is not None else {}
    lines = [f"{k} = {v}" for k, v in drawn.items() if v is not None]
    return "\n[check]\n" + "\n".join(lines) + "\n" if lines else ""


def _toml(value: Any) -> str:
    """Return a value as TOML writes it; its strings escape as JSON's do."""
    if isinstance(value, (list, tuple)):
        return "[\n" + "".join(f"    {_toml(v)},\n" for v in value) + "]"
    return json.dumps(value)
