"""Paired 95 % intervals for the drop of a metric: both models saw the same samples."""

from __future__ import annotations

import numpy as np

from lightweight_cli.checking.metrics.base import Metric

Z = 1.959963984540054
RESAMPLES = 1000
RESAMPLED_ROWS = 20_000_000
"""Rows a bootstrap looks at; with very many samples it makes fewer resamples, at least 200."""


def paired_interval(metric: Metric, reference: np.ndarray, candidate: np.ndarray,
                    seed: int = 0) -> tuple[float | None, float | None, str]:
    """Return (low, high, method) of the 95 % interval of the drop, positive when the candidate is worse.

    `reference`, `candidate`: rows of evidence [n, k], sample by sample.
    """
    if len(reference) < 2:
        return None, None, "none"
    if metric.ratio:
        if metric.share and np.all(reference[:, 1] == 1):
            return (*_matched_proportions(reference[:, 0], candidate[:, 0]), "matched proportions")
        return (*_ratio(metric, reference, candidate), "normal")
    return (*_bootstrap(metric, reference, candidate, seed), "bootstrap")


def drop(metric: Metric, reference: float, candidate: float) -> float:
    """Return the loss, positive when the candidate is worse."""
    return reference - candidate if metric.higher_is_better else candidate - reference


def _matched_proportions(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Wald's interval after adding half a sample to each cell, so that no discordance is no certainty.

    Source: Agresti and Min 2005, Simple improved confidence intervals for comparing matched
    proportions, Statistics in Medicine 24, section 3.
    """
    n = len(x) + 2
    lost, won = np.count_nonzero(x > y) + 0.5, np.count_nonzero(y > x) + 0.5
    centre = (lost - won) / n
    half = Z * np.sqrt(lost + won - (lost - won) ** 2 / n) / n
    return float(centre - half), float(centre + half)


def _ratio(metric: Metric, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Normal interval of a difference of ratios of sums, linearised at the ratios (delta method)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = [(r[:, 0] - r[:, 0].sum() / r[:, 1].sum() * r[:, 1]) / r[:, 1].mean() for r in (x, y)]
    half = float(Z * np.std(parts[0] - parts[1], ddof=1) / np.sqrt(len(x)))
    centre = drop(metric, metric.value(x), metric.value(y))
    return centre - half, centre + half


def _bootstrap(metric: Metric, x: np.ndarray, y: np.ndarray, seed: int) -> tuple[float, float]:
    """Percentile interval over resamples of the samples, drawn for both models at once."""
    rng = np.random.default_rng(seed)
    resamples = max(200, min(RESAMPLES, RESAMPLED_ROWS // len(x)))
    drops = np.empty(resamples)
    for i in range(resamples):
        rows = rng.integers(0, len(x), len(x))
        drops[i] = drop(metric, metric.value(x[rows]), metric.value(y[rows]))
    if np.isnan(drops).all():
        return float("nan"), float("nan")
    low, high = np.nanpercentile(drops, (2.5, 97.5))
    return float(low), float(high)
