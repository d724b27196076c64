"""Codes of layers in integers by second-order rounding, kept where the outputs are nearer with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lightweight_cli.compute.emulated import FORMS
from lightweight_cli.compute.rounding import rounded
from lightweight_cli.compute.seen import Seen
from lightweight_cli.compute.trial import Trials
from lightweight_cli.errors import InputError
from lightweight_cli.weights.weight import Key

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context

PLAIN = ("nearest", "mse")
"""Methods of quantize that ask for no second order."""
NEARER = 0.5
"""dB that the outputs must gain: what they are judged by has chosen the codes."""


def fit(context: Context, trials: Trials, decisions: Mapping[Key, str], method: str) -> None:
    """Let trials go on with codes by second order, if that brings the outputs nearer with all decided layers in integers."""
    if method in PLAIN or not set(decisions.values()) & set(FORMS):
        return
    plain = trials.seen
    try:
        found = second_order(context, trials.path, decisions, trials.reduced, plain)
    except InputError as e:
        context.step.note(f"codes of integers are the nearest: {e}")
        return
    if found is None:
        return
    before = trials.run(decisions, latency=False).sqnr
    trials.seen = found
    after = trials.run(decisions, latency=False).sqnr
    if before is None or after is None or after < before + NEARER:
        trials.seen = plain
    context.step.note(f"codes of integers by second order, on inputs as they are rounded: {told(before)} with all in integers became "
                      f"{told(after)}, {'kept' if trials.seen is found else 'left'}")


def second_order(context: Context, path: str, decisions: Mapping[Key, str], reduced: bool, seen: Seen) -> Seen | None:
    """Return what is known, with codes for these decisions about the model at a path; None: there are no calibration data.

    Raises: InputError where it does not run.
    """
    calibration = context.calibration(held_out=True)
    if calibration is None:
        return None
    return rounded(calibration, path, decisions, reduced, seen._replace(codes={}, shifts={}),
                   lambda done, whole: context.step.stage("codes", done, whole))


def told(sqnr: float | None) -> str:
    """Return an SQNR in words."""
    return "unknown dB" if sqnr is None else f"{sqnr:.1f} dB"
