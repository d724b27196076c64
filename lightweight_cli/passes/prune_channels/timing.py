"""How many channels must go for a model to be so much faster: cut, timed beside the original, and halved until the share is known."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING

from lightweight_cli.checking.check import Check
from lightweight_cli.checking.judge import Bench
from lightweight_cli.compute.trial import pace
from lightweight_cli.errors import GateError, InputError, UsageError
from lightweight_cli.model.load import load
from lightweight_cli.model.output_folder import write_into

if TYPE_CHECKING:
    from lightweight_cli.checking.accuracy import Accuracy
    from lightweight_cli.data.portion import Portion
    from lightweight_cli.model.model import Model
    from lightweight_cli.pipeline.context import Context

TRIALS = 6
"""Halvings of the share: to 1/64 of the channels, which is less than timing tells apart."""
SAMPLES = 8
SECONDS = 30.0
"""Of a trial, about."""
Cut = Callable[["Model", float], None]
"""Take this share of the channels out of a model."""


def share_for(context: Context, speedup: float, cut: Cut) -> float:
    """Return the least share of channels with which the model is so many times as fast as it is.

    Raises: UsageError where the model is not to be run, InputError where it can't be timed, GateError where it is never so fast.
    """
    if context.portion is None:
        raise UsageError(f"prune-channels: --speedup {speedup:g} is measured, and --no-check keeps the model from being run: give --macs")
    context.step.expect(TRIALS + 1, "timing")
    with tempfile.TemporaryDirectory(prefix="lwc-") as folder:
        path = write_into(context.model, folder, "model")
        with Bench(path, check_on(context.portion)) as bench:
            def reached(share: float) -> float:
                candidate = load(path)
                cut(candidate, share)
                target = write_into(candidate, folder, "cut")
                found = bench.judge(target)
                os.remove(target)
                context.step.advance(1)
                return _speed(found)

            low, high, fastest = 0.0, 1.0, reached(1.0)
            if fastest < speedup:
                raise GateError(f"prune-channels: --speedup {speedup:g} can't be reached: without all channels that can go the model is "
                                f"{fastest:.2f}x as fast")
            for _ in range(TRIALS):
                middle = (low + high) / 2
                speed = reached(middle)
                low, high, fastest = (low, middle, speed) if speed >= speedup else (middle, high, fastest)
    context.step.note(f"{fastest:.2f}x as fast, before recovery; the same without timing: --channels {high:g}")
    return high


def check_on(portion: Portion, latency: bool = True) -> Check:
    """Return how a cut model is compared with the one before: on some of the data that choose."""
    return Check(data=portion.paths, role=portion.role, share=portion.share, seed=portion.seed, ignore_labels=True, load=False,
                 latency=latency, samples=SAMPLES, budget=SECONDS)


def _speed(found: Accuracy) -> float:
    """Return original / cut by processor time, which others on the machine disturb least."""
    ratio = pace(found)
    if ratio is None:
        raise InputError("the model can't be timed here: --macs says how much is to go without timing")
    return 1 / max(ratio, 1e-9)
