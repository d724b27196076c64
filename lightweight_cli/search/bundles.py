"""What bundles will save of a file, forecast by how often codes occur, before there are any."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lightweight_cli.numerics import split_tree
from lightweight_cli.numerics.bundling import grouped
from lightweight_cli.search import pricing
from lightweight_cli.weights.together import LARGEST

MEMBER = 115.0
"""Bytes of a weight in a bundle beside its codes, with one scale."""


@dataclass(frozen=True, eq=False)
class Kinds:
    """How often the codes of a weight occur, the most frequent first: those of weights that are alike are in the same order."""

    counts: np.ndarray
    scales: int
    """How many it has."""

    @property
    def beside(self) -> float:
        """Bytes in a bundle beside the codes."""
        return MEMBER + (pricing.SCALE * self.scales + pricing.SCALES if self.scales > 1 else 0.0)


def kinds_of(counts: np.ndarray, scales: int) -> Kinds | None:
    """Return how often codes occur, where such codes may be in a bundle."""
    whole = np.rint(counts[counts > 0]).astype(np.int64)
    fits = 0 < whole.size <= pricing.MOST_CODES and whole.sum() <= LARGEST
    return Kinds(-np.sort(-whole), scales) if fits else None


def saved(forms: Iterable[tuple[float, Kinds | None]]) -> float:
    """Return the bytes that bundles are to save of weights, of which the bytes alone and the kinds of codes are known."""
    known = [(nbytes, kinds) for nbytes, kinds in forms if kinds is not None]
    if len(known) < 2:
        return 0.0
    counts = np.zeros((len(known), max(k.counts.size for _, k in known)), np.int64)
    for row, (_, kinds) in zip(counts, known, strict=True):
        row[: kinds.counts.size] = kinds.counts
    alone, beside = np.array([nbytes for nbytes, _ in known]), np.array([k.beside for _, k in known])
    groups = grouped(counts, alone, beside, split_tree.smallest)
    return sum(float(alone[g].sum() - beside[g].sum()) - split_tree.smallest(counts[g].sum(0)) for g in groups)
