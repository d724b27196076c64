"""The original and the model compressed so far, side by side from weight to weight."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.calibration.engine import Engine
from lightweight_cli.calibration.flow import Flow
from lightweight_cli.calibration.gather import Gathered
from lightweight_cli.calibration.live import Budget
from lightweight_cli.calibration.runner import Runner, put
from lightweight_cli.calibration.statistics import Statistics
from lightweight_cli.calibration.uses import Use, Watched
from lightweight_cli.data.spool import Spool

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model
    from lightweight_cli.weights.weight import Weight


class Walk:
    """One walk. A weight that is replaced has its new value in all that the compressed model runs from there on.

    What a weight sees is of the compressed model, with the original's outputs as targets. Of one with several uses, or in a branch of
    If, it is of the original, without targets: its other uses are not reached when it is replaced, and branches are only shown there.
    """

    def __init__(self, engine: Engine, watched: Sequence[Watched], compressed: Model, twins: dict[tuple[int, str], Weight]) -> None:
        self.engine, self.watched, self.compressed, self.twins = engine, watched, compressed, twins

    def replace(self, watched: Watched, values: np.ndarray) -> None:
        """Give a weight new values, between its turn and the next."""
        put(self.twins[watched.weight.scope.number, watched.weight.name], values)

    def layers(self) -> Iterator[tuple[Watched, Statistics | str]]:
        """Yield every weight before the first node that uses it, with what it sees."""
        engine, uses = self.engine, [u for w in self.watched for u in w.uses]
        stops = sorted({0, *(u.stop for u in uses), *(u.stop - 1 for u in uses if u.inner)})
        flow = Flow(self.compressed.proto, engine.fed)
        with Spool(engine.aside) as kept:
            for w, found in engine.statistics([w for w in self.watched if w.tied]):
                kept.append((self.watched.index(w), found))
            budget = Budget(engine.between)
            original = engine.runner(engine.original, engine.flow, stops[-1], budget)
            compressed = engine.runner(self.compressed, flow, stops[-1], budget)
            try:
                for stop, following in zip(stops, [*stops[1:], None], strict=True):
                    for number, w in enumerate(self.watched):
                        if w.first == stop and w.tied:
                            yield w, next(found for i, found in kept if i == number)
                        elif w.first == stop and not w.uses[0].inner:
                            yield w, self._pair(w, w.uses[0], original, compressed)
                    if following is None:
                        return
                    original.advance(stop, following, uses)
                    for w in self.watched:
                        if w.last == following and not w.tied and w.uses[0].inner:
                            gathered = Gathered(w, engine.sampling, pairs=False)
                            gathered.add(w.uses[0], original.arrays(w.uses[0]))
                            yield w, gathered.result()
                    compressed.advance(stop, following, uses)
            finally:
                original.live.close()
                compressed.live.close()

    def _pair(self, w: Watched, use: Use, original: Runner, compressed: Runner) -> Statistics | str:
        gathered = Gathered(w, self.engine.sampling, pairs=use.read is not None)
        gathered.add(use, original.arrays(use), compressed.arrays(use) if use.read is not None else None)
        return gathered.result()
