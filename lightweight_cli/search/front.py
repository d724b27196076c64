"""The candidates that were built and measured, and which of them to keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from lightweight_cli.search.build import Built
from lightweight_cli.search.examiner import Verdict
from lightweight_cli.search.items import Item

ALIKE = 1.2
"""Times the least loss up to which, within a size, candidates count alike, .8 dB: of those the largest is kept, what was asked for.
Candidates of MiniLM within .6 % of each other's size differed by .4 and .8 dB, coarser ones being better: rows that judge are few."""


class Candidate(NamedTuple):
    """One assignment of items to the layers, built and measured."""

    items: Sequence[Item]
    nbytes: int
    """Of the file, known before it is written."""
    verdict: Verdict
    forecast: float = 0.0
    """Bytes of the file by the layers' tables: what an assignment is asked for by."""
    firm: bool = False
    """Whether what layers see was trusted less."""
    nearest: bool = False
    """Whether it was rounded to nearest, for nothing that layers see."""


@dataclass
class Front:
    """All candidates so far; the values of the best one only."""

    most: int | None = None
    """Bytes that a file may take; None: the smaller the better."""
    tried: list[Candidate] = field(default_factory=list)
    best: Candidate | None = None
    built: Built | None = None

    def add(self, candidate: Candidate, built: Built) -> bool:
        """Take a candidate in. Returns: whether it is the best so far."""
        self.tried.append(candidate)
        if self.best is None or self._better(candidate, self.best):
            self.best, self.built = candidate, built
            return True
        return False

    def keeps(self, candidate: Candidate) -> bool:
        """Whether a candidate is what was asked for."""
        return candidate.verdict.holds and (self.most is None or candidate.nbytes <= self.most)

    def _better(self, candidate: Candidate, best: Candidate) -> bool:
        if self.most is not None and all(self.keeps(c) for c in (candidate, best)):
            least = min(c.verdict.loss for c in self.tried if self.keeps(c))
            alike = [c.verdict.loss <= ALIKE * least for c in (candidate, best)]
            if all(alike):
                return candidate.nbytes > best.nbytes
        return self._rank(candidate) < self._rank(best)

    def _rank(self, candidate: Candidate) -> tuple[float, ...]:
        """Smaller is better: what keeps the goal, by bytes or, within a size, by loss; else what comes nearest to it."""
        loss = candidate.verdict.loss
        if self.most is None:
            return (0.0, candidate.nbytes, loss) if candidate.verdict.holds else (1.0, loss, candidate.nbytes)
        if candidate.nbytes > self.most:
            return 2.0, candidate.nbytes, loss
        return float(not candidate.verdict.holds), loss, candidate.nbytes
