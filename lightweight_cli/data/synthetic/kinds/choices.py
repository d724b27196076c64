"""Values out of a few, such as bytes: evenly drawn, some of them often, or a phrase again and again."""

from __future__ import annotations

import numpy as np

CHOICES = ("uniform", "skewed", "repeated")


def choices(kind: str, rng: np.random.Generator, shape: tuple[int, ...], values: np.ndarray) -> np.ndarray:
    """Return an array of `values`, each row of another distribution where the kind has several."""
    if kind not in CHOICES[1:] or not shape or not values.size:
        return rng.choice(values, shape)
    made = np.empty(shape, values.dtype)
    for row in made.reshape(-1, shape[-1]):
        if kind == "repeated":
            row[:] = np.resize(rng.choice(values, rng.integers(5, 60)), row.shape)
        else:
            weight = 1 / np.arange(1, len(values) + 1) ** rng.uniform(0.5, 1.5)
            row[:] = rng.choice(rng.permutation(values), row.shape, p=weight / weight.sum())
    return made
