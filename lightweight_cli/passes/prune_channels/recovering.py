"""On what the layers that stay are solved: calibration data, or synthetic inputs where other ones say that it helps."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.calibration.guard import better
from lightweight_cli.errors import InputError
from lightweight_cli.passes.prune_channels.recovery import Recovery, Refit
from lightweight_cli.pipeline.step_report import Calibrated

if TYPE_CHECKING:
    from lightweight_cli.calibration.study import Study
    from lightweight_cli.pipeline.context import Context
    from lightweight_cli.weights.weight import Weight

Refits = dict[int, Refit]
"""What becomes of each weight, by its id."""


@contextlib.contextmanager
def studied(context: Context, recovery: Recovery, wanted: bool) -> Iterator[Study | None]:
    """Open the model and calibration data, or synthetic inputs, for as long as the block lasts; None: not wanted, or not possible."""
    calibration = context.calibration(held_out=True) or context.synthetic() if wanted and recovery.weights else None
    if calibration is None:
        yield None
        return
    synthetic = not calibration.portion.paths
    try:
        study = calibration.study(context.model, recovery.weights)
    except InputError as e:
        if not synthetic:
            raise
        context.step.note(f"not run on synthetic inputs: {e}")
        yield None
        return
    with study:
        if not synthetic:
            context.step.calibrated = Calibrated(study.samples, study.of, calibration.portion.role == "calibrate")
        yield study


def recovered(context: Context, recovery: Recovery, study: Study | None) -> Refits:
    """Return what becomes of the weights; nothing where nothing is known of their inputs."""
    if study is None:
        return {}
    if context.step.calibrated is None:
        return _without_data(context, recovery, study)
    found = _walked(context, recovery, study)
    solved = sum(new.solved for new in found.values())
    context.step.note(f"{solved} of {len(recovery.weights)} layers solved for the original's outputs; "
                      "the others are no worse as they were, on held-out rows")
    return found


def _walked(context: Context, recovery: Recovery, study: Study) -> Refits:
    context.step.expect(len(recovery.weights), "calibrating")
    return recovery.walk(study.walk(advance=lambda done, of: context.step.advance(1)))


def _without_data(context: Context, recovery: Recovery, study: Study) -> Refits:
    try:
        found, (name, score, cut) = better(study, recovery.cut_only(), [("recovered", lambda: _walked(context, recovery, study))], _put)
    except InputError as e:
        context.step.note(f"not recovered, for the model does not run on synthetic inputs: {e}")
        return {}
    if name is None:
        context.step.note(f"not recovered: on synthetic inputs of another kind that has {score.sqnr:.1f} dB, and {cut.sqnr:.1f} as cut")
        return {}
    context.step.note(f"recovered without data: {score.sqnr:.1f} dB on synthetic inputs of another kind, {cut.sqnr:.1f} as cut")
    return found


def _put(found: Refits, weight: Weight) -> tuple[np.ndarray, dict[str, np.ndarray]] | None:
    new = found.get(id(weight))
    return None if new is None else (new.values, new.beside)
