"""The original and the model compressed so far, side by side from weight to weight."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.calibration.engine import Engine
from lightweight_cli.calibration.flow import Flow
from lightweight_cli.calibration.gather import Gathered
from lightweight_cli.calibration.kept import Kept
from lightweight_cli.calibration.live import Budget
from lightweight_cli.calibration.runner import Runner, put, put_beside
from lightweight_cli.calibration.statistics import Statistics
from lightweight_cli.calibration.uses import Watched

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model
    from lightweight_cli.weights.weight import Weight

Twins = dict[tuple[int, str], "Weight"]
"""The weights of the compressed model, by scope and name."""

class Walk:
    """Walks over the same weights on the same data. The first one runs the original beside the compressed model and keeps what it gives.

    A weight that is replaced has its new value in all that the compressed model runs from there on. What a weight sees is of the
    compressed model, with the original's outputs as targets. Of one with several uses, or in a branch of If, it is of the original,
    without targets: its other uses are not reached when it is replaced, and branches are only shown there.
    """

    def __init__(self, engine: Engine, watched: Sequence[Watched], reopen: Callable[[], tuple[Model, Twins]]) -> None:
        self.engine, self.watched, self.reopen = engine, watched, reopen
        self.twins: Twins = {}
        self.kept = Kept(engine.aside)

    def replace(self, watched: Watched, values: np.ndarray, beside: Mapping[str, np.ndarray]) -> None:
        """Give a weight new values, between its turn and the next, and other constants that go with it."""
        twin = self.twins[watched.weight.key]
        put(twin, values)
        put_beside(twin.model, twin.scope, beside)

    def statistics(self) -> Iterator[tuple[Watched, Statistics | str]]:
        """Yield what every weight sees in the original, and keep of it what walks need, so that they do not run it again."""
        self.kept.clear()
        for w, found in self.engine.statistics(self.watched, self.kept):
            if w.tied or w.uses[0].inner or w.uses[0].read is None:
                self.kept.add(w, found)
            yield w, found
        self.kept.complete = True

    def layers(self) -> Iterator[tuple[Watched, Statistics | str]]:
        """Yield every weight before the first node that uses it, with what it sees; the compressed model is the original again."""
        engine, uses = self.engine, [u for w in self.watched for u in w.uses]
        stops = sorted({0, *(u.stop for u in uses), *(u.stop - 1 for u in uses if u.inner)})
        model, self.twins = self.reopen()
        engine.sampling.recent = None
        if not self.kept.complete:
            self.kept.clear()
            for w, found in engine.statistics([w for w in self.watched if w.tied]):
                self.kept.add(w, found)
        budget = Budget(engine.between)
        original = None if self.kept.complete else engine.runner(engine.original, engine.flow, stops[-1], budget)
        compressed = engine.runner(model, Flow(model.proto, engine.fed), stops[-1], budget)
        try:
            for stop, following in zip(stops, [*stops[1:], None], strict=True):
                for w in self.watched:
                    if w.first == stop and (w.tied or not w.uses[0].inner):
                        yield w, self._seen(w, original, compressed)
                if following is None:
                    break
                if original is not None:
                    original.advance(stop, following, uses)
                for w in self.watched:
                    if w.last == following and not w.tied and w.uses[0].inner:
                        yield w, self._seen(w, original, compressed)
                compressed.advance(stop, following, uses)
            self.kept.complete = True
        finally:
            for runner in (original, compressed):
                if runner is not None:
                    runner.live.close()

    def _seen(self, w: Watched, original: Runner | None, compressed: Runner) -> Statistics | str:
        """Return what a weight sees at its turn."""
        use, sampling = w.uses[0], self.engine.sampling
        pairs = not w.tied and not use.inner and use.read is not None
        if w.tied or (original is None and not pairs):
            return self.kept.found(w)
        gathered = Gathered(w, sampling, pairs)
        if pairs:
            targets = sampling.taken(w, use, original.arrays(use)) if original is not None else None
            gathered.add(use, compressed.arrays(use), self.kept.targets(w, use, targets))
        elif original is not None:
            gathered.add(use, original.arrays(use))
            self.kept.add(w, gathered.result())
        return gathered.result()
