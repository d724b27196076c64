"""What one pass of a model leaves for the next: all that is the original's, in memory up to a limit, beyond on the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lightweight_cli.calibration.gather import Taken, Targets
from lightweight_cli.calibration.statistics import Statistics
from lightweight_cli.calibration.uses import Use, Watched
from lightweight_cli.data.spool import Spool

Key = tuple[tuple, int]
"""What is equal for weights with the same rows: what is read, and how many inputs a row has."""


class Kept:
    """Statistics of weights that are the original's alone, and the original's rows."""

    def __init__(self, memory: int) -> None:
        self.memory = memory
        self.complete = False
        """Whether a pass came to its end: the next one needs no original."""
        self.rows: dict[Key, Spool] = {}
        self.clear()

    def clear(self) -> None:
        """Forget what an unfinished pass left."""
        for rows in self.rows.values():
            rows.close()
        self.statistics, self.rows = Spool(self.memory // 2), {}

    def add(self, watched: Watched, found: Statistics | str) -> None:
        """Keep what the original shows of a weight."""
        self.statistics.append((*watched.weight.key, found))

    def found(self, watched: Watched) -> Statistics | str:
        """Return what `add` kept."""
        key = watched.weight.key
        return next(found for number, name, found in self.statistics if (number, name) == key)

    def keeper(self, watched: Watched, use: Use) -> Callable[[Taken], None] | None:
        """Return what keeps a layer's rows, batch by batch; None: they are kept."""
        key = _key(watched, use)
        if key in self.rows:
            return None
        self.rows[key] = Spool(max(0, self.memory // 2 - sum(rows.in_memory for rows in self.rows.values())))
        return self.rows[key].append

    def targets(self, watched: Watched, use: Use, fresh: Targets | None) -> Targets:
        """Return a layer's rows, batch by batch: `fresh` ones, which are kept, or those kept by the pass before."""
        if fresh is None:
            return iter(self.rows[_key(watched, use)])
        keep = self.keeper(watched, use)
        return fresh if keep is None else _keeping(fresh, keep)


def _key(watched: Watched, use: Use) -> Key:
    return use.signature, watched.view.shape[2]


def _keeping(fresh: Targets, keep: Callable[[Taken], None]) -> Iterator[Taken]:
    for taken in fresh:
        keep(taken)
        yield taken
