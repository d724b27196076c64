"""What is measured decides: kinds are kept where they are faster, and layers go back where they cost too much."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from lightweight_cli.compute import accuracy
from lightweight_cli.compute.choice import fastest
from lightweight_cli.compute.trial import Measured

SPEED = {"a": 0.5, "b": 1.2, "c": 0.98}
"""Share of the time that is left where a layer of this name is in integers."""
NOISE = {"a": 1e-2, "b": 1e-4, "c": 1e-4}


class Trials:
    """Models whose time and error are known by their layers."""

    def run(self, decisions, latency=True):
        ratio = 1.0
        for _, name in decisions:
            ratio *= SPEED[name]
        noise = sum(NOISE[name] for _, name in decisions)
        return Measured(ratio, -10 * math.log10(noise) if noise else float("inf"), drop=noise)

    def alone(self, decisions):
        return self.run(decisions).sqnr


def layer(name):
    return SimpleNamespace(key=(0, name))


@pytest.mark.parametrize("slowest,kept", [(1.0, ["a"]), (1.25, ["a", "b", "c"])])
def test_a_kind_is_kept_where_the_model_gets_faster(slowest, kept):
    told = []
    menu = {name: [("dynamic int8", [layer(name)])] for name in "abc"}
    chosen = fastest(Trials(), menu, slowest, told.append)
    assert [name for _, name in chosen] == kept
    assert [t.kept for t in told] == [name in kept for name in "abc"]
    assert str(told[0]) == "1 x a as dynamic int8: model 2.00x as fast as before, kept"


def test_what_is_fast_once_by_chance_is_not_kept():
    class Noisy(Trials):
        times = iter([0.9, 1.1, 0.5, 0.6])

        def run(self, decisions, latency=True):
            return Measured(next(self.times), None)

    told = []
    chosen = fastest(Noisy(), {name: [("static int8", [layer(name)])] for name in "ba"}, 1.0, told.append)
    assert [name for _, name in chosen] == ["a"] and [t.kept for t in told] == [False, True]


def test_the_layer_that_costs_most_goes_back():
    decisions = {(0, name): "dynamic int8" for name in "abc"}
    costs = accuracy.costs(Trials(), decisions, lambda done, whole: None)
    assert costs[0, "a"] == pytest.approx(20) and costs[0, "b"] == pytest.approx(40)
    sizes = dict.fromkeys(decisions, 1000)

    def kept(floor, most=None):
        return set(accuracy.holding(decisions, costs, sizes, lambda some: accuracy.holds(Trials().run(some), floor, most)))

    assert kept(30) == {(0, "b"), (0, "c")}
    whole = Trials().run(decisions)
    assert accuracy.holds(whole, 15) and not accuracy.holds(whole, 30) and not accuracy.holds(whole, 15, 1e-3)
    assert not kept(60) and kept(15, 1e-3) == {(0, "b"), (0, "c")}
