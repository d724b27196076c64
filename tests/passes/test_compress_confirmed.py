"""What fresh rows do not confirm is told by what they were held against: the drop, or the floor that stands in for it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from lightweight_cli.checking.certify.budget import Budget
from lightweight_cli.checking.certify.certificate import Certificate
from lightweight_cli.passes.compress.searched import confirmed


def shown(estimate: float, sqnr: float, floor: float | None, rows: int) -> Certificate:
    return Certificate(floor is None or sqnr >= floor, estimate, None, floor, "", sqnr=sqnr, least=estimate, rows=rows)


@pytest.mark.parametrize(("fresh", "said"), [
    (shown(0.015, 26.6, 30.0, 8), ["min-sqnr on fresh rows 30 dB: the result has 26.6"]),
    (shown(0.031, 20.0, None, 400), ["max-drop on fresh rows 0.01: the result has 0.031"]),
    (shown(0.0, 34.0, 30.0, 8), [])])
def test_the_goal_that_failed_is_named(fresh: Certificate, said: list[str]) -> None:
    selected = SimpleNamespace(verdict=shown(0.0, 32.6, fresh.floor, 16))
    step = SimpleNamespace(note=lambda text: None, goals=[])
    search = SimpleNamespace(front=SimpleNamespace(built=SimpleNamespace(values=lambda layers: {}), best=selected), layers=[],
                             examiner=SimpleNamespace(confirm=lambda values: fresh))
    confirmed(SimpleNamespace(step=step), search, Budget(max_drop=0.01))  # type: ignore[arg-type]
    assert [str(goal) for goal in step.goals] == said
