"""Sizes between those of the menu are met by steps between its steps."""

from __future__ import annotations

import numpy as np
import pytest

from lightweight_cli.search.build import Built, build, unseen
from lightweight_cli.search.filling import filled
from lightweight_cli.search.items import MENU, SAFE, Item
from lightweight_cli.search.layer import Layer
from lightweight_cli.weights.view import View


def layers(*shapes: tuple[int, int, int]) -> list[Layer]:
    found = []
    for seed, shape in enumerate(shapes):
        values = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
        weight = type("", (), {"size": values.size, "scope": type("", (), {"number": 0})()})()
        layer = Layer(weight, View(values.shape), None, MENU, False)  # type: ignore[arg-type]
        layer.matrix = lambda values=values: values  # type: ignore[method-assign]
        found.append(layer)
    return found


def made(known: list[Layer], items: list[Item]) -> Built:
    return build(None, known, {id(la): i for la, i in zip(known, items, strict=True)}, unseen, lambda layer: None)


@pytest.mark.parametrize("share", [0.96, 1.03, 1.1])
def test_a_size_between_is_met_to_some_permille(share: float) -> None:
    known = layers((1, 64, 96), (1, 32, 200), (1, 20, 50))
    built, rest = made(known, [Item(0.35), Item(0.5), SAFE]), 2000
    aim = share * (built.nbytes + rest)
    items = filled(known, built, round(built.nbytes) + rest, aim, {id(la): g for la, g in zip(known, (1.0, 5.0, 1.0), strict=True)})
    assert items[2] == SAFE and 0.99 * aim < made(known, items).nbytes + rest <= 1.001 * aim


def test_where_the_form_jumps_other_layers_take_what_is_left() -> None:
    known = layers((1, 30, 40), (1, 64, 96), (1, 100, 160))
    built = made(known, [Item(2.0, 1), Item(0.5), Item(0.25)])
    items = filled(known, built, round(built.nbytes), 1.05 * built.nbytes, {id(known[1]): 1e6})
    assert 1.04 * built.nbytes < made(known, items).nbytes <= 1.051 * built.nbytes and items[1].step < 0.5
