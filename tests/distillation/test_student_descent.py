"""The descent on a loss that is known: it finds the least, keeps the best, tells rates apart, and ends in time."""

from __future__ import annotations

import numpy as np
import pytest

from lightweight_cli.distillation import descent
from lightweight_cli.distillation.descent import Descent
from lightweight_cli.distillation.forms import Free
from lightweight_cli.distillation.pool import Drawn, Pool
from lightweight_cli.distillation.settings import Settings
from lightweight_cli.distillation.vector import Vector

GOAL = np.array([1, -2, 3], np.float32)


class Bowl:
    """In place of models: the squared distance from GOAL."""

    def __init__(self, vector: Vector, wrong: float = 1.0) -> None:
        self.vector, self.wrong = vector, wrong

    def targets(self, drawn: Drawn) -> dict[str, np.ndarray]:
        return {}

    def judge(self, drawn: Drawn, targets: object) -> float:
        return float(np.square(self.vector.values["w"] - GOAL).sum())

    def step(self, parts: list[Drawn]) -> float:
        self.vector.gradients["w"][...] = self.wrong * 2 * (self.vector.values["w"] - GOAL)
        return self.judge(parts[0], {})


def made(wrong: float = 1.0, **settings: object) -> Descent:
    vector = Vector({"w": Free(np.zeros(3, np.float32), False)}, {"w": (3,)})
    pool = Pool([Drawn({"x": np.zeros((4, 1), np.float32)}, 4)], ("x",), 2, 0)
    return Descent(Bowl(vector, wrong), vector, pool, pool, Settings(**settings))  # type: ignore[arg-type]


def test_it_finds_the_least():
    d = made(steps=200, rate=0.1)
    assert sum(1 for _ in d.course()) == 200 == d.done == d.total and d.first == 14 and d.best < 0.01 and not d.ended
    d.restore()
    np.testing.assert_allclose(d.vector.values["w"], GOAL, atol=0.1)


def test_the_best_rate_of_a_few_is_taken():
    d = made(steps=100)
    assert sum(1 for _ in d.course()) == d.total == 120 and d.rate == max(descent.RATES)


@pytest.mark.parametrize("wrong", [-1.0, np.nan])
def test_what_gets_worse_ends_and_leaves_the_start(wrong):
    d = made(wrong, steps=1000, rate=0.1)
    list(d.course())
    d.restore()
    assert d.best == d.first == 14 and not d.vector.values["w"].any() and (d.done < 1000 or np.isnan(wrong))


def test_the_time_limit_shortens_the_course(monkeypatch):
    now = iter(np.arange(0, 1e6, 0.5))
    monkeypatch.setattr(descent.time, "monotonic", lambda: float(next(now)))
    d = made(steps=1000, rate=0.1, time_limit=3.0)
    list(d.course())
    assert d.done == d.total < 30 and d.ended == "the time was too short for all steps" and d.best < 14


def test_of_states_that_only_chance_tells_apart_the_later_is_kept(monkeypatch):
    looks = iter([14.0, 5.0, 5.5, 7.0, 5.6])
    monkeypatch.setattr(Descent, "look", lambda self: next(looks))
    d = made(steps=4, rate=0.1)
    states = [d.vector.free.copy() for _ in d.course()]
    assert d.best == 5.6 and d.least == 5.0 and np.array_equal(d.kept, states[3])
    looks = iter([14.0, 5.0, 6.0, 7.0, 14.0])
    d = made(steps=4, rate=0.1)
    states = [d.vector.free.copy() for _ in d.course()]
    assert d.best == 5.0 and np.array_equal(d.kept, states[0])
