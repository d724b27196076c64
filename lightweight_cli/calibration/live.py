"""Values at the place where a walk has arrived, of all batches: in memory up to a limit, beyond on the disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lightweight_cli.data.batches import Batches
from lightweight_cli.data.spool import Spool


class Budget:
    """Bytes of memory that several collections of values share."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.members: list[Live] = []

    def left(self) -> int:
        """Return the bytes that are not taken."""
        return max(0, self.limit - sum(s.in_memory for live in self.members for s in live.spools.values()))


class Live:
    """Values by name, one a batch: those that data feed, and those that were computed and are needed later."""

    def __init__(self, batches: Batches, budget: Budget) -> None:
        self.batches, self.budget = batches, budget
        self.spools: dict[str, Spool] = {}
        budget.members.append(self)

    def read(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Yield the values of these names, batch by batch."""
        kept = {n: iter(self.spools[n]) for n in names if n in self.spools}
        fed = [n for n in names if n not in self.spools]
        for batch in self.batches if fed or not kept else [None] * len(self.spools[next(iter(kept))]):
            yield {n: next(kept[n]) if n in kept else batch.feed[n] for n in names}  # type: ignore[union-attr]

    def write(self, names: Sequence[str], values: Iterable[Sequence[Any]]) -> None:
        """Keep new values: for each batch one of every name."""
        share = self.budget.left() // max(1, len(names))
        spools = [Spool(share) for _ in names]
        for row in values:
            for spool, value in zip(spools, row, strict=True):
                spool.append(value)
        self.spools.update(zip(names, spools, strict=True))

    def drop(self, names: Iterable[str]) -> None:
        """Let go of what is not needed any more."""
        for name in names:
            if name in self.spools:
                self.spools.pop(name).close()

    def close(self) -> None:
        """Let go of everything."""
        self.drop(list(self.spools))
