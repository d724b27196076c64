"""The search: what it tries, when it stops, and what it keeps; building and measuring are stood in for by formulas."""

from __future__ import annotations

from typing import Any

import pytest

from lightweight_cli.search import searching, sizing, smallest
from lightweight_cli.search.build import Built
from lightweight_cli.search.clock import Clock
from lightweight_cli.search.examiner import Verdict
from lightweight_cli.search.front import Candidate, Front
from lightweight_cli.search.gains import Explored
from lightweight_cli.search.items import MENU, PLAIN, Item
from lightweight_cli.search.layer import Layer
from lightweight_cli.search.pieces import Piece
from lightweight_cli.search.searching import Search
from lightweight_cli.search.table import Choice

ORIGINAL, REST = 40_000, 500


def nbytes(item: Item) -> float:
    return 4000 / (1 + 3 * item.step)


class Counted(Search):
    """A search in which a candidate holds above a size, and is larger than forecast by a factor."""

    least, off, interrupt, count = 5_000.0, 1.0, 0, 0

    def first(self) -> None:
        self.measured([MENU[0]] * 4, nearest=True)

    def measured(self, items: list[Item], forecast: float = 0.0, nearest: bool = False) -> Candidate:
        self.count += 1
        if self.count == self.interrupt:
            raise KeyboardInterrupt
        size = REST + round(self.off * sum(map(nbytes, items)))
        made = Candidate(items, size, Verdict(size >= self.least, 10.0 / size, None, None, None, ""), forecast)
        self.front.add(made, Built([]))
        self.built = None
        return made


def filled(search: Counted, made: Candidate, most: int) -> None:
    for _ in range(sizing.TOGETHER):
        if not sizing.close(made, most):
            tried = [[i._replace(step=i.step * (0.6 + by / 1000)) for i in made.items] for by in range(900)]
            room = sizing.AIM * most - REST
            made = search.measured(next((t for t in tried if search.off * sum(map(nbytes, t)) <= room), tried[-1]))


def search(most: int | None = None, **given: Any) -> Counted:
    weights = [Explored(Layer(None, None, None, MENU, False), [Choice(i, nbytes(i), i.step**2) for i in PLAIN], g)  # type: ignore[arg-type]
               for g in (1.0, 3.0, 10.0, 0.1)]
    made = Counted([w.layer for w in weights], None, None, None, REST, lambda layer, new: Piece(0.0), ORIGINAL, Clock(None, 0),  # type: ignore[arg-type]
                   lambda *_: None, lambda: weights, Front(most))
    for name, value in given.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize("off", [0.8, 1.0, 1.3])
@pytest.mark.parametrize("least", [3_000.0, 5_000.0, 9_000.0])
def test_the_smallest_that_holds_is_found_to_some_percent(least: float, off: float) -> None:
    made = search(least=least, off=off)
    made.run()
    best = made.front.best
    assert best is not None and best.verdict.holds and best.nbytes <= 1.1 * least
    assert made.front.tried[0].items == [MENU[0]] * 4 and made.count <= smallest.MOST and not made.ended


def test_where_nothing_holds_three_candidates_tell() -> None:
    made = search(least=1e9)
    made.run()
    assert made.count == 3 and made.front.best is made.front.tried[0]


def test_where_the_time_is_over_after_the_first_candidate_it_is_the_result() -> None:
    made = search(clock=Clock(0, 0))
    made.run()
    assert made.count == 1 and made.ended == "the time was over" and made.front.best is made.front.tried[0]


@pytest.mark.parametrize("off", [0.8, 1.0, 1.3])
@pytest.mark.parametrize("most", [2_500, 5_000, 9_000])
def test_a_size_is_met_though_the_forecast_is_off(monkeypatch: pytest.MonkeyPatch, most: int, off: float) -> None:
    monkeypatch.setattr(sizing, "filled", filled)
    made = search(most, off=off, least=0.0, settled=True)
    made.run()
    assert made.front.best is not None and 0.97 * most <= made.front.best.nbytes <= most


def test_an_interrupt_keeps_the_best_and_before_any_candidate_ends_all() -> None:
    made = search(interrupt=3)
    made.run()
    assert made.ended == searching.INTERRUPTED and made.front.best is not None and made.front.best.verdict.holds
    with pytest.raises(KeyboardInterrupt):
        search(interrupt=1).run()


@pytest.mark.parametrize(("on_fit", "firm_loss", "firm"), [(1e-2, 0.1, False), (1e-6, 1e-4, True), (1e-6, 0.9, False)])
def test_few_rows_that_mislead_are_trusted_less(on_fit: float, firm_loss: float, firm: bool) -> None:
    class Misled(Counted):
        def measured(self, items: list[Item], forecast: float = 0.0, nearest: bool = False) -> Candidate:
            made = super().measured(items, forecast)
            self.built = Built([])
            return made._replace(verdict=made.verdict._replace(loss=firm_loss)) if self.firm else made

    made = search()
    made.__class__ = Misled
    made.layers = []
    made.examiner = type("", (), {"fit": lambda self, values: on_fit})()  # type: ignore[assignment]
    second = made.measured([], 5_000)
    made.front.built = Built([])
    found = made.firmer(second)
    assert made.firm is firm and (found is second) is not firm and made.count == (1 if on_fit == 1e-2 else 2)
