"""What is said of a drop: one sentence a certificate."""

from __future__ import annotations

import math

from lightweight_cli.checking.accuracy import MetricDrop
from lightweight_cli.checking.certify.evidence import Drop


def counted(rows: int) -> str:
    """Return "1 row", "1,200 rows"."""
    return f"{rows:,} row{'s' * (rows != 1)}"


def points(share: float) -> str:
    """Return a share as percentage points, in two digits."""
    told = f"{100 * share:.2g}" if abs(share) < 1 else f"{100 * share:.0f}"
    return f"{told} point{'s' * (told != '1')}"


def amount(value: float, metric: MetricDrop | None) -> str:
    """Return a drop in points, or in a measure's own unit."""
    return points(value) if metric is None or metric.higher_is_better else f"{value:.3g}"


def told(drop: Drop | None, metric: MetricDrop | None, sqnr: float | None, rows: int) -> str:
    """Say what the rows show: "0.4 points to be expected, at most 1.3 points, 31.2 dB on 496 rows"."""
    said = []
    if drop is not None:
        most = f"at most {amount(drop.bound, metric)}" if math.isfinite(drop.bound) else "at most anything"
        what = f"{metric.name} drops by {amount(drop.found, metric)}" if metric else f"{amount(drop.estimate, None)} to be expected"
        said += [what, most]
    if sqnr is not None:
        said.append("no value differs" if sqnr == math.inf else f"{sqnr:.1f} dB")
    return f"{', '.join(said) or 'nothing could be compared'} on {counted(rows)}"
