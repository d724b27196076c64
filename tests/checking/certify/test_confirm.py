"""Fresh rows: neither a chance of few rows nor a selection that was too lucky decides alone."""

from __future__ import annotations

import numpy as np
import pytest

from lightweight_cli.checking.certify.budget import Budget
from lightweight_cli.checking.certify.certificate import Certificate
from lightweight_cli.checking.certify.confirm import confirms, together
from lightweight_cli.checking.metrics.interval import paired_interval
from lightweight_cli.checking.metrics.top_k import TopK


def certificate(estimate: float | None, rows: int, least: float | None = None, floor: float | None = None,
                holds: bool = True, sqnr: float | None = None) -> Certificate:
    return Certificate(holds, estimate, None, floor, "", least=least, rows=rows, sqnr=sqnr)


@pytest.mark.parametrize(("selected", "fresh", "budget", "right"), [
    (certificate(-0.0015, 666), certificate(0.012, 334, -0.009), Budget(0.01), True),  # .3 points on 1,000 rows
    (certificate(0.009, 666), certificate(0.013, 334, -0.009), Budget(0.01), False),  # 1.03 points
    (certificate(0.0, 666), certificate(0.025, 334, 0.011), Budget(0.01), False),  # fresh rows rule it out
    (certificate(0.0, 666), certificate(None, 334, None), Budget(0.01), False),
    (certificate(0.0, 20), certificate(0.0, 10, 0.0, floor=30, holds=False), Budget(0.01), False),
    (certificate(0.0, 20), certificate(0.05, 10, 0.0, floor=30, holds=True), Budget(0.01), True),
    (certificate(0.0, 16, sqnr=32.6), certificate(0.014, 8, 0.0, floor=30, holds=False, sqnr=27.6), Budget(0.01), True),  # 30.2 dB on 24
    (certificate(0.0, 16, sqnr=31.6), certificate(0.014, 8, 0.0, floor=30, holds=False, sqnr=27.6), Budget(0.01), False),  # 29.8
    (certificate(0.0, 16, sqnr=32.6), certificate(0.04, 8, 0.0, floor=30, holds=False, sqnr=27.6), Budget(0.01), False),  # 1.3 points
    (certificate(None, 16, sqnr=40.0), certificate(None, 8, floor=30, holds=False, sqnr=28.0), Budget(0.01), True),
    (certificate(None, 16, sqnr=60.0), certificate(None, 8, floor=30, holds=False, sqnr=26.0), Budget(0.01), False),  # too far below
    (certificate(0.0, 666), certificate(0.0, 334, 0.0, holds=False), Budget(0.01, confident=True), True),  # too few for a bound
    (certificate(None, 9), certificate(None, 9, holds=False), Budget(min_sqnr=30), False)])
def test_what_fresh_rows_confirm(selected: Certificate, fresh: Certificate, budget: Budget, right: bool) -> None:
    assert confirms(selected, fresh, budget) is right


def test_every_row_counts_the_same() -> None:
    assert together(certificate(0.01, 300), certificate(0.04, 100)) == pytest.approx(0.0175)


def test_a_good_candidate_is_seldom_refused_and_a_bad_one_hardly_ever_kept() -> None:
    rng, metric, budget, kept = np.random.default_rng(0), TopK(1), Budget(0.01), {}
    for lost, won in ((0.02, 0.0175), (0.05, 0.01)):  # a quarter of a point, and four points
        kept[lost] = 0
        for _ in range(200):
            change = rng.choice([1, -1, 0], 1000, p=[lost, won, 1 - lost - won])
            old = np.stack([(change >= 0) * 1.0, np.ones(1000)], 1)
            new = np.stack([(change <= 0) * 1.0, np.ones(1000)], 1)
            parts = [certificate(float((old[s, 0] - new[s, 0]).mean()), len(old[s]), paired_interval(metric, old[s], new[s])[0])
                     for s in (slice(666), slice(666, None))]
            kept[lost] += parts[0].estimate <= 0.01 and confirms(*parts, budget)
    assert kept[0.02] > 150 and kept[0.05] < 5
