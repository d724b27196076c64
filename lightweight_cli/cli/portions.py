"""Which data choose and which judge, for one call of a compressing command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lightweight_cli.checking.check import Check
from lightweight_cli.pipeline.recipe import Step
from lightweight_cli.pipeline.run import calibrates

if TYPE_CHECKING:
    from lightweight_cli.data.portion import Portion


def divided(steps: Sequence[Step], files: Sequence[str], check: Check | None, samples: int | None, seed: int,
            memory: int | None = None) -> tuple[
        Portion | None, Check | None]:
    """Return the calibration data of the steps, and the check with its share of the data.

    `files` are those of --calibrate. Where there are none and a step can calibrate, a share of the check's data does;
    where there are no data at all, synthetic inputs do, unless the model is not to be run.
    """
    from lightweight_cli.data.portion import Portion

    if files:
        return Portion(tuple(files), "all", samples, seed, memory), check
    if check is None or not any(calibrates(step) for step in steps):
        return None, check
    if check.data:
        return Portion(check.data, "calibrate", samples, seed, memory), replace(check, role="judge")
    return Portion((), "all", samples, seed, memory), check
