"""Weights that are decoded together: which part of what they share is each one's.

A tree decodes the numbers of all, one after the other; a Split parts them; behind it each has its own shape and scale.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from lightweight_cli.weights import constant_values, constants
from lightweight_cli.weights.shares import shares

if TYPE_CHECKING:
    from onnx import NodeProto

    from lightweight_cli.model.model import Model
    from lightweight_cli.model.scopes import Scope


class Part(NamedTuple):
    """One of the parts of a bundle."""

    node: NodeProto
    """What parts it."""
    which: int

    def share(self, model: Model, scope: Scope, whole: int) -> int:
        """Return how much of `whole` this part answers for: as much as its numbers are of all. All parts' together are `whole`."""
        return shares(whole, [math.prod(constant_values.shape_of(model, scope, output)[0]) for output in self.node.output])[self.which]

    def own(self, scope: Scope) -> list[tuple[Scope, str]]:
        """Return what the bundle is decoded from, and nothing else is."""
        return [step for name in self.node.input for step in constants.own(scope, name)]


def part_of(scope: Scope, name: str) -> Part | None:
    """Return the part of a bundle that the constant `name` is made of; None where it is made of none."""
    for home, current in constants.own(scope, name):
        node = home.producers.get(current)
        if node is not None and constants.is_bundle(node):
            return Part(node, list(node.output).index(current))
    return None
