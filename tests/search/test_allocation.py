"""One multiplier gives each layer its item."""

from __future__ import annotations

import itertools

import pytest

from lightweight_cli.search.allocation import allocated, finest, loaded, safe, smallest, total
from lightweight_cli.search.gains import Explored, weighed
from lightweight_cli.search.items import MENU
from lightweight_cli.search.layer import Layer
from lightweight_cli.search.loading import Room
from lightweight_cli.search.table import Choice
from lightweight_cli.weights.load_budget import Form


def layer(sizes: list[float], errors: list[float], gain: float) -> Explored:
    known = Layer(None, None, None, MENU, False)  # type: ignore[arg-type]  # nothing of the weight is read
    return Explored(known, [Choice(i, s, e) for i, s, e in zip(MENU, sizes, errors, strict=False)], gain)


LAYERS = [layer([100, 60, 30], [0.001, 0.01, 0.1], 1.0), layer([200, 120, 50], [0.001, 0.02, 0.3], 5.0),
          layer([90, 40, 10], [0.002, 0.01, 0.05], 0.1)]


@pytest.mark.parametrize("size", [95, 150, 200, 260, 330, 1000])
def test_it_fits_and_nothing_of_that_size_is_better(size: float) -> None:
    found = allocated(LAYERS, size)
    taken, loss = total(found), sum(e.gain * c.error for e, c in zip(LAYERS, found, strict=True))
    assert taken <= size
    for other in itertools.product(*(e.choices for e in LAYERS)):
        assert total(other) > taken or sum(e.gain * c.error for e, c in zip(LAYERS, other, strict=True)) >= loss - 1e-12


def test_what_never_fits_is_the_smallest() -> None:
    assert allocated(LAYERS, 10) == smallest(LAYERS) and finest(LAYERS) == safe(LAYERS) == [e.choices[0] for e in LAYERS]


def test_gains_that_are_noise_or_unknown_are_raised() -> None:
    found = weighed([e._replace(gain=g) for e, g in zip(LAYERS, (1.0, 1e-9, float("nan")), strict=True)])
    assert [e.gain for e in found] == pytest.approx([1.0, 0.02 * 0.5, 0.5], rel=1e-6)


def formed(sizes: list[float], errors: list[float], loads: list[tuple[float, float]]) -> Explored:
    """A layer of which each choice has a form that is small, and one that takes half as much at load and half again as many bytes."""
    plain = layer(sizes, errors, 1.0)
    forms = [(Form(0, int(c.nbytes), a), Form(1, int(1.5 * c.nbytes), b)) for c, (a, b) in zip(plain.choices, loads, strict=True)]
    return plain._replace(choices=[c._replace(forms=f) for c, f in zip(plain.choices, forms, strict=True)])


def test_within_a_room_at_load_sizes_are_those_of_the_forms_that_fit() -> None:
    weights = [formed([100, 60, 30], [0.001, 0.01, 0.1], [(900, 100)] * 3) for _ in range(2)]
    weights += [formed([100, 60, 30], [0.001, 0.01, 0.1], [(300, 250)] * 3)]
    for size, room in itertools.product((150, 200, 250), (600, 1000, 1300, 2100)):
        found = allocated(weights, size, Room(room, 0.0))
        assert total(found) <= size and loaded(found) <= room
    assert [c.load for c in allocated(weights, 220, Room(600, 0.0))] == [100, 100, 300], "who saves most at load pays"
    assert allocated(weights, 220, Room(5000, 0.0)) == allocated(weights, 220)


def test_a_byte_of_the_file_saves_so_many_at_load_or_stays() -> None:
    weights = [formed([100, 60, 30], [0.001, 0.01, 0.1], [(900, 800)] * 3)]
    assert loaded(allocated(weights, 70, Room(850, 8.0))) == 900 and loaded(allocated(weights, 70, Room(850, 0.0))) == 800
