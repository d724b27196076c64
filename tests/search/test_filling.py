"""Sizes between those of the menu are met by steps between its steps."""

from __future__ import annotations

import numpy as np
import pytest

from lightweight_cli.search import pricing
from lightweight_cli.search.between import filled
from lightweight_cli.search.build import Built, build, unseen
from lightweight_cli.search.filling import STRETCH, Filling
from lightweight_cli.search.gains import Explored
from lightweight_cli.search.items import HALF, MENU, SAFE, Item
from lightweight_cli.search.layer import Layer
from lightweight_cli.search.pieces import Piece, taken
from lightweight_cli.search.rounding import Rounded, occurring
from lightweight_cli.search.table import choices, safest
from lightweight_cli.weights.view import View


def explored(*shapes: tuple[int, int, int], gains: tuple[float, ...] = (1.0, 1.0, 1.0)) -> list[Explored]:
    found = []
    for seed, shape in enumerate(shapes):
        values = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
        scope = type("", (), {"number": 0})()
        weight = type("", (), {"size": values.size, "scope": scope, "shape": values.shape, "forget": lambda self: None,
                               "read": lambda self, start, count, v=values: v.reshape(-1)})()
        layer = Layer(weight, View(values.shape), None, MENU, False)  # type: ignore[arg-type]
        layer.matrix = lambda values=values: values  # type: ignore[method-assign]
        found.append(Explored(layer, choices(layer, None), gains[seed]))
    return found


def made(known: list[Explored], items: list[Item]) -> Built:
    return build(None, [e.layer for e in known], {id(e.layer): i for e, i in zip(known, items, strict=True)}, unseen, lambda layer: None)


def store(layer: Layer, new: Rounded) -> Piece:
    """All that is not a tree of 3 codes reads a table of 100 bytes."""
    if new.item == HALF:
        return Piece(new.nbytes)
    return Piece(pricing.nbytes(occurring(new.codes), new.scale.size), {} if np.ptp(new.codes) < 3 else {"table": 100})


def size(built: Built) -> float:
    return taken(store(None, new) for new in built.rounded)  # type: ignore[arg-type]


@pytest.mark.parametrize("share", [0.96, 1.03, 1.1])
def test_a_size_between_is_met_to_some_percent(share: float) -> None:
    known, rest = explored((1, 64, 96), (1, 32, 200), (1, 20, 50), gains=(1.0, 5.0, 1.0)), 2000
    built = made(known, [Item(0.35), Item(0.5), SAFE])
    aim = share * (size(built) + rest)
    filling = Filling(known, built, round(size(built)) + rest, store)
    items = filling.stretched(filling.factor(aim, 1 / STRETCH, STRETCH))
    assert items[2] == SAFE and 0.97 * aim < size(made(known, items)) + rest <= 1.001 * aim


def test_what_is_left_over_goes_to_single_layers_whatever_their_form() -> None:
    known = explored((1, 64, 96), (1, 32, 200), (1, 20, 50), gains=(1.0, 1e6, 1.0))
    built = made(known, [Item(0.35), Item(0.5), SAFE])
    items = Filling(known, built, round(size(built)), store).alone(1.02 * size(built))
    assert items[1].step < 0.5
    assert size(built) < size(made(known, items)) <= 1.021 * size(built)


def test_8_bits_are_left_for_finer_steps_where_there_is_room() -> None:
    known = explored((1, 64, 96), (1, 32, 200))
    built = made(known, [SAFE, SAFE])
    items = Filling(known, built, round(size(built)), store).alone(1.2 * size(built))
    assert items != [SAFE, SAFE] and 1.05 * size(built) < size(made(known, items)) <= 1.21 * size(built)


def test_a_gap_between_two_items_is_filled_before_anything_is_built() -> None:
    known = explored((1, 64, 96), (1, 32, 200), (1, 20, 50))
    chosen = [next(c for c in e.choices if c.item == item) for e, item in zip(known, (Item(0.5), Item(1.0, 3)), strict=False)]
    chosen.append(safest(known[2].layer))
    whole = sum(c.nbytes for c in chosen)
    items = filled(known, chosen, 0.1 * whole, whole)
    assert items[2] == SAFE and items[1].clip == 3 and 0.7 < items[1].step < 1
    assert items[0].step == pytest.approx(0.5 * items[1].step, rel=1e-3)
    assert sum(new.nbytes for new in made(known, items).rounded) == pytest.approx(1.1 * whole, rel=0.03)
    assert filled(known, chosen, 0.04 * whole, whole) == [c.item for c in chosen]
    assert filled(known, chosen, 9 * whole, whole)[0].step == pytest.approx(0.5 / 2**0.5, rel=1e-3)  # farther off other items are better
