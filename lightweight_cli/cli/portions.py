"""Which data choose and which judge, for one call of a compressing command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lightweight_cli.checking.check import Check
from lightweight_cli.checking.gates import Gates
from lightweight_cli.pipeline.recipe import Step
from lightweight_cli.pipeline.run import calibrates, searches, trains

if TYPE_CHECKING:
    from lightweight_cli.data.portion import Portion
    from lightweight_cli.pipeline.wanted import Wanted

TRAINING = 2 / 3
"""Of the data train, where the same files must judge: what is learned grows with the samples."""


def shared(steps: Sequence[Step], files: Sequence[str], check: Check | None, gates: Gates, samples: int | None, seed: int,
            memory: int | None = None) -> tuple[
        Portion | None, Check | None, Wanted | None]:
    """Return the calibration data of the steps, the check with its share of the data, and what those that search are to hold.

    `files` are those of --calibrate. Where there are none and a step can calibrate, a share of the check's data does;
    where there are no data at all, synthetic inputs do, unless the model is not to be run.
    """
    searching = any(searches(step) for step in steps)
    if not files and (check is None or not (searching or any(calibrates(step) for step in steps))):
        return None, check, minded(check, gates)
    from lightweight_cli.data.portion import Portion

    if searching:
        from lightweight_cli.pipeline.wanted import Wanted, divided

        if check is None:
            return (Portion(tuple(files), "all", samples, seed, memory) if files else None), None, None
        portion, select, confirm = divided(tuple(files), check, samples, memory, gates.max_drop)
        wanted = Wanted(select, confirm, gates.max_drop, gates.min_sqnr, gates.confident, gates.max_size)
        return portion, replace(select, half="both"), wanted  # the check looks at all that judge
    held = minded(check, gates)
    if files:
        return Portion(tuple(files), "all", samples, seed, memory), check, held
    if check is not None and check.data:
        share = TRAINING if any(trains(step) for step in steps) else None
        return Portion(check.data, "calibrate", samples, seed, memory, share=share), replace(check, role="judge", share=share), held
    return Portion((), "all", samples, seed, memory), check, held


def minded(check: Check | None, gates: Gates) -> Wanted | None:
    """Return the gates that steps can mind which do not search, and the data that hold them; None: there are none."""
    if check is None or (gates.max_drop is None and gates.min_sqnr is None):
        return None
    from lightweight_cli.pipeline.wanted import Wanted

    return Wanted(check, None, gates.max_drop, gates.min_sqnr, gates.confident, gates.max_size)
