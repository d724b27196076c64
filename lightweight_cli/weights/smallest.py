"""The smallest weights of a model: they save next to nothing, and are among the most sensitive."""

from __future__ import annotations

from collections.abc import Sequence

from lightweight_cli.weights.weight import Weight


def smallest(weights: Sequence[Weight], share: float) -> set[int]:
    """Return the ids of the smallest weights that together are at most `share` of all."""
    found: set[int] = set()
    left = share * sum(w.size for w in weights)
    for weight in sorted(filter(lambda w: w.size, weights), key=lambda w: w.size):
        left -= weight.size
        if left < 0:
            break
        found.add(id(weight))
    return found
