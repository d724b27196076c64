"""What a step that searches is to hold, and by which data: those it fits never judge."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

from lightweight_cli.checking.certify.budget import RULE_OF_THREE
from lightweight_cli.checking.check import Check
from lightweight_cli.data import peek
from lightweight_cli.data.portion import Portion

FIT = 0.8
"""Share of calibration data that fits, where nothing else tells which candidate to take."""
ENOUGH = 128
"""Samples that are left to fit, where others are taken to show a drop."""


class Wanted(NamedTuple):
    """The limits of the gates, which are a search's goal, and the data that tell whether a candidate keeps them."""

    select: Check
    """The rows by which candidates are chosen."""
    confirm: Check | None = None
    """Rows that no candidate was chosen by, on which the winner is seen once; None: there are none."""
    max_drop: float | None = None
    min_sqnr: float | None = None
    confident: bool = False
    max_size: int | None = None


def divided(files: tuple[str, ...], check: Check, samples: int | None, memory: int | None,
            max_drop: float | None = None) -> tuple[Portion, Check, Check | None]:
    """Return the data that fit, those that select, and those that confirm; `files` are those of --calibrate.

    Without any, all three are synthetic, and none confirms. Of calibration data alone as many judge as a drop needs to show, where
    enough are left to fit.
    """
    seed = check.seed
    if not files and not check.data:
        return Portion((), "all", samples, seed, memory), check, None
    if not files:
        judging = replace(check, role="judge")
        return Portion(check.data, "calibrate", samples, seed, memory), replace(judging, half="select"), replace(judging, half="confirm")
    if check.data:
        return Portion(files, "all", samples, seed, memory), replace(check, half="select"), replace(check, half="confirm")
    share = fitting(samples or peek.samples(files), max_drop)
    judging = replace(check, data=files, role="judge", ignore_labels=True, share=share)
    return Portion(files, "calibrate", samples, seed, memory, share=share), judging, None


def fitting(count: int, max_drop: float | None) -> float:
    """Return the share of so many samples that fit."""
    needed = 0 if not max_drop else math.ceil(RULE_OF_THREE / max_drop)
    return (count - needed) / count if needed and count - needed >= ENOUGH else FIT
