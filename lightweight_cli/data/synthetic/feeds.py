"""Batches of a plan, made on demand and the same each time: one kind of values a batch, the kinds taking turns."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from lightweight_cli.data.batches import Batch, Batches, sample_count
from lightweight_cli.data.conform import is_sequence
from lightweight_cli.data.hints import Hint
from lightweight_cli.data.synthetic.plans import Plan
from lightweight_cli.data.synthetic.ranges import UNIT, Range
from lightweight_cli.data.synthetic.shapes import shapes_of
from lightweight_cli.data.synthetic.values import kinds_of, values
from lightweight_cli.runtime.sessions import Interface

SAMPLES = 16
"""Samples in all, unless more are asked for."""


class Recipe(NamedTuple):
    """All that decides what a model is fed."""

    model: Interface
    hints: dict[str, Hint]
    plan: Plan
    seed: int
    ranges: tuple[Range, ...] = (UNIT,)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of values there are for this model: of its first input that has several."""
        found = (kinds_of(port, self.hints.get(port.name) or Hint()) for port in self.model.inputs)
        return next((kinds for kinds in found if kinds), ("",))


class Generated:
    """So many batches of a recipe, of the kinds given."""

    def __init__(self, recipe: Recipe, count: int, kinds: tuple[str, ...]) -> None:
        self.recipe, self.count, self.kinds = recipe, count, kinds

    def __iter__(self) -> Iterator[Batch]:
        for number in range(self.count):
            kind = self.kinds[number % len(self.kinds)]
            feed = make_feed(self.recipe, number, kind, len(self.kinds))
            yield Batch(feed, sample_count(feed), tuple(p.name for p in self.recipe.model.inputs if p.shape
                                                        and not isinstance(p.shape[0], int) and not is_sequence(p)), kind)


def batches_of(recipe: Recipe, samples: int = SAMPLES, kinds: tuple[str, ...] = ()) -> Batches:
    """Return about so many samples in batches, at least one batch of each kind; none given: of all."""
    kinds = kinds or recipe.kinds
    each = sample_count(make_feed(recipe, 0, kinds[0]))
    count = max(len(kinds), samples // max(1, each)) if recipe.model.inputs else 1
    return Batches([Generated(recipe, count, kinds)], count=count, synthetic=True)


def make_feed(recipe: Recipe, number: int, kind: str, turns: int = 1) -> dict[str, Any]:
    """Return batch `number` of a recipe; of `turns` batches one is of this kind."""
    model, hints, plan, seed, ranges = recipe
    shapes = shapes_of(model.inputs, hints, plan)
    feed: dict[str, Any] = {}
    for port in model.inputs:
        rng = np.random.default_rng([seed, number, zlib.crc32(port.name.encode("utf-8", "surrogateescape"))])
        hint, shape = hints.get(port.name) or Hint(), shapes[port.name]
        at = number // turns * (shape[0] if shape else 1)
        made = [values(port, shape, hint, plan, shapes, rng, kind, ranges, at) for _ in range(3 if is_sequence(port) else 1)]
        feed[port.name] = made if is_sequence(port) else made[0]
    return feed
