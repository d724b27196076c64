"""A weight that the search may change: how it is seen, what it may become, and the bias that goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from lightweight_cli.search.fitting import fitting, halves
from lightweight_cli.search.items import GROUPED, HALF, MENU, PLAIN, Item
from lightweight_cli.search.overridable import is_overridable, key_of
from lightweight_cli.weights.bias import bias_of
from lightweight_cli.weights.matrix import NoMatrix, matrix_of
from lightweight_cli.weights.view import View
from lightweight_cli.weights.weight import Weight

LEAST = 512
"""Elements below which a weight stays as it is: its decoding nodes would take more than they save."""
TABLES = ("Gather", "EmbedLayerNormalization")
"""Operators that look rows up: nothing is multiplied, so there is no second order."""


class Scaled(NamedTuple):
    """Scales of a weight's outputs, as encodings have them."""

    groups: tuple[int, int, int]
    """The stored weight as [A, R, P], a scale for each of A * P."""
    order: np.ndarray
    """Which output each of them is of."""


@dataclass(eq=False)
class Layer:
    """A weight, its matrix [groups, outputs, inputs], and its menu."""

    weight: Weight
    view: View
    bias: Weight | None
    menu: tuple[Item, ...]
    looked_up: bool
    """Nothing is known of what it multiplies."""
    by_rows: bool = False
    """Whether it is a table of which rows are decoded as they are looked up."""
    scarce: bool = False
    """Whether not all layers may have the form that is the smallest, as decoding that takes too much at load."""

    @property
    def name(self) -> str:
        """The weight's name."""
        return self.weight.name

    @property
    def key(self) -> str:
        """What tells it apart in a recipe: its name, in a subgraph with the graph's number."""
        return key_of(self.weight)

    @property
    def fixed(self) -> bool:
        """Whether no caller can be let set it, so that it can't be tried: it gets 8 bits."""
        return not is_overridable(self.weight)

    @cached_property
    def fitting(self) -> tuple[Item, ...]:
        """The items that hold its values, the finest first. Raises: ValueError where they are not finite."""
        matrix = self.matrix()
        if not np.isfinite(matrix).all():
            raise ValueError("weights are not finite")
        found = fitting(matrix, self.menu)
        if self.scaled is None:
            found = tuple(item for item in found if not item.per_output) or self.menu[-1:]
        return (HALF, *found) if halves(matrix) else found

    @property
    def safe(self) -> Item:
        """What loses next to nothing: about 8 bits."""
        return next(item for item in self.fitting if item != HALF)

    @cached_property
    def scaled(self) -> Scaled | None:
        """How a scale for each output lies over the weight as it is stored; None where a file can't say it."""
        groups, outputs, inputs = self.view.shape
        number = np.broadcast_to(np.arange(groups * outputs, dtype=np.int32).reshape(groups, outputs, 1), self.view.shape)
        stored = np.ascontiguousarray(self.view.back(number)).reshape(-1)
        for a, p in dict.fromkeys(((groups * outputs, 1), (1, groups * outputs), (groups, outputs))):
            parts = stored.reshape(a, inputs, p)
            if (parts == parts[:, :1]).all():
                return Scaled((a, inputs, p), parts[:, 0].reshape(-1))
        return None

    def matrix(self) -> np.ndarray:
        """Return its values [groups, outputs, inputs], float32."""
        values = self.weight.read(0, self.weight.size).reshape(self.weight.shape)
        matrix = np.ascontiguousarray(self.view.of(values), np.float32)
        self.weight.forget()
        return matrix

    def bias_values(self) -> np.ndarray | None:
        """Return its bias, float64, in its own shape."""
        return None if self.bias is None else self.bias.read(0, self.bias.size).reshape(self.bias.shape).astype(np.float64)


def layers_of(weights: Sequence[Weight]) -> list[Layer]:
    """Return weights as layers."""
    return [_layer(w) for w in weights]


def _layer(weight: Weight) -> Layer:
    looked_up = all(r.op in TABLES for r in weight.roles)
    try:
        view = matrix_of(weight)
    except NoMatrix:
        view, looked_up = View(weight.shape).reshape(1, 1, weight.size), True
    grouped = view.shape[0] > 1 and weight.op == "Conv"
    menu = PLAIN if looked_up else GROUPED if grouped else MENU
    return Layer(weight, view, None if looked_up else bias_of(weight), menu, looked_up)
