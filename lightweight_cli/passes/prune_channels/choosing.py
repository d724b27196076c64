"""Which units go: the least important of each group, or of all, as many as reach what is wanted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from lightweight_cli.structure.cost import Cost, everything
from lightweight_cli.structure.groups import Group
from lightweight_cli.structure.trace import Kept, Trace

STEPS = 40
"""Halvings of the share that is looked for: beyond single channels of any layer."""


class Wanted(NamedTuple):
    """How much is to go, and how it is spread."""

    ratio: float | None
    macs: float | None
    channels: float | None
    speedup: float | None = None
    depth: float | None = None
    scope: str = "group"
    round_to: int = 1
    inner: bool = False
    """Whether the dimensions within attention heads go, not whole heads."""


class Choice:
    """Units in the order in which they go."""

    def __init__(self, trace: Trace, groups: Sequence[Group], scores: Sequence[np.ndarray], wanted: Wanted) -> None:
        self.trace, self.groups, self.wanted = trace, groups, wanted
        self.scores, self.order = scores, [np.argsort(s, kind="stable") for s in scores]
        self.steps = [self._step(g) for g in groups]
        owner = np.concatenate([np.full(g.size, i) for i, g in enumerate(groups)]) if groups else np.zeros(0, int)
        self.ranked = owner[np.argsort(np.concatenate(scores), kind="stable")] if groups else owner
        self.score = np.zeros(trace.labels.count)
        for group, score in zip(groups, scores, strict=True):
            self.score[group.roots] = score
        mobile = (labels for labels in trace.axes.values() if not trace.labels.frozen(labels).any())
        self.axes = {found.tobytes(): found for found in (np.unique(trace.labels.find(labels)) for labels in mobile)}
        """Of which one label must stay, each once."""

    def _step(self, group: Group) -> int:
        """Return the units that together are whole multiples of channels in the layers that make them."""
        if self.wanted.round_to == 1:
            return 1
        labels = self.trace.labels.find(self.trace.layers[group.makers[0]].outputs)
        width = int((labels == group.roots[0]).sum())
        return self.wanted.round_to // math.gcd(self.wanted.round_to, max(1, width))

    def counts(self, share: float) -> list[int]:
        """Return how many units of each group go, where this share of all does."""
        first = np.bincount(self.ranked[: round(share * len(self.ranked))], minlength=len(self.groups))
        counts = []
        for i, (group, step) in enumerate(zip(self.groups, self.steps, strict=True)):
            gone = int(first[i]) if self.wanted.scope == "global" else math.floor(share * group.size + 0.5)
            stays = min(group.size, max(step, round((group.size - gone) / step) * step))
            counts.append(group.size - stays)
        return counts

    def kept(self, counts: Sequence[int]) -> Kept:
        """Return which labels stay where so many of each group go."""
        gone = np.zeros(self.trace.labels.count, bool)
        for group, order, count in zip(self.groups, self.order, counts, strict=True):
            gone[group.roots[order[:count]]] = True
        for roots in self.axes.values():
            if roots.size and gone[roots].all():  # one that is only a part of a group, or of several
                gone[roots[np.argmax(self.score[roots])]] = False
        return lambda labels: ~gone[self.trace.labels.find(labels)]

    def made(self, cost: Cost) -> list[int]:
        """Return how many of each group go: the fewest by which what is wanted is reached, or all that can."""
        if self.wanted.channels is not None:
            return self.counts(self.wanted.channels)
        measure = cost.parameters if self.wanted.ratio is not None else cost.macs
        limit = (1 - float(self.wanted.ratio or self.wanted.macs or 0)) * measure(everything)
        known: dict[tuple[int, ...], int] = {}
        low, high = 0.0, 1.0
        for _ in range(STEPS):
            middle = (low + high) / 2
            counts = tuple(self.counts(middle))
            if counts not in known:
                known[counts] = measure(self.kept(counts))
            low, high = (low, middle) if known[counts] <= limit else (middle, high)
        return self._spared(self.counts(low), self.counts(high), lambda counts: measure(self.kept(counts)) <= limit)

    def _spared(self, few: Sequence[int], many: Sequence[int], reached: Callable[[Sequence[int]], bool]) -> list[int]:
        """Let groups have as `few` go as would not do in all of them, the most important units first, as long as it is `reached`.

        A head of each layer of MiniLM together is 1.3 % of its parameters: -25 % would be -26.2 %.
        """
        counts = list(many)
        between = [i for i, (a, b) in enumerate(zip(few, many, strict=True)) if a < b]
        for i in sorted(between, key=lambda i: -float(self.scores[i][self.order[i][many[i] - 1]])):
            tried = [*counts[:i], few[i], *counts[i + 1 :]]
            if reached(tried):
                counts = tried
        return counts
