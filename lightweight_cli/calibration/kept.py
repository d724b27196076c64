"""What a first walk over a model leaves for the next: all that is the original's, in memory up to a limit, beyond on the disk."""

from __future__ import annotations

from collections.abc import Iterator

from lightweight_cli.calibration.gather import Taken, Targets
from lightweight_cli.calibration.statistics import Statistics
from lightweight_cli.calibration.uses import Watched
from lightweight_cli.data.spool import Spool


class Kept:
    """Statistics of weights that are the original's alone, and the original's rows in the order of the walk."""

    def __init__(self, memory: int) -> None:
        self.memory = memory
        self.complete = False
        """Whether a walk came to its end: the next one needs no original."""
        self.clear()

    def clear(self) -> None:
        """Forget what an unfinished walk left."""
        self.statistics, self.rows = Spool(self.memory // 2), Spool(self.memory // 2)

    def rewind(self) -> None:
        """Begin with the rows from the first layer."""
        self.reading: Iterator[Taken] = iter(self.rows)

    def add(self, watched: Watched, found: Statistics | str) -> None:
        """Keep what the original shows of a weight."""
        self.statistics.append((watched.weight.scope.number, watched.weight.name, found))

    def found(self, watched: Watched) -> Statistics | str:
        """Return what `add` kept."""
        key = watched.weight.scope.number, watched.weight.name
        return next(found for number, name, found in self.statistics if (number, name) == key)

    def targets(self, fresh: Targets | None) -> Targets:
        """Return a layer's rows, batch by batch: `fresh` ones, which are kept, or those kept by the walk before."""
        return self._keeping(fresh) if fresh is not None else self.reading

    def _keeping(self, fresh: Targets) -> Targets:
        for taken in fresh:
            self.rows.append(taken)
            yield taken
