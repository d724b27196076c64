"""What counts of independent trials show of a probability."""

from __future__ import annotations

import numpy as np

CONFIDENCE = 0.95
HALVINGS = 60
"""Bisections of 0..1: beyond float64's digits."""


def upper(events: int, trials: int, confidence: float = CONFIDENCE) -> float:
    """Return the largest probability under which so few events were not unlikely.

    One-sided and exact; with no event about 3 / trials at 95 %.
    Source: Clopper and Pearson 1934, The use of confidence or fiducial limits, Biometrika 26.
    """
    if trials < 1 or events >= trials:
        return 1.0
    if events == 0:
        return float(1 - (1 - confidence) ** (1 / trials))
    i = np.arange(1, events + 1)
    choices = np.concatenate([[0.0], np.cumsum(np.log((trials - i + 1) / i))])
    ran = np.arange(events + 1)
    low, high = events / trials, 1.0
    for _ in range(HALVINGS):
        p = (low + high) / 2
        if p in (low, high):
            break
        at_most = np.logaddexp.reduce(choices + ran * np.log(p) + (trials - ran) * np.log1p(-p))
        low, high = (p, high) if at_most > np.log(1 - confidence) else (low, p)
    return high
