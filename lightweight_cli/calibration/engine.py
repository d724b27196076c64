"""The walk over a model's weights in the order they are used: what each sees in the original, and in the model compressed so far.

The main graph is cut before every operator with a weight. Each part is a small session that runs once over all batches, so that
a whole walk costs one pass of the original, and one of the compressed model where there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from lightweight_cli.calibration.flow import Flow
from lightweight_cli.calibration.gather import Gathered, Sampling
from lightweight_cli.calibration.kept import Kept
from lightweight_cli.calibration.live import Budget
from lightweight_cli.calibration.runner import Runner
from lightweight_cli.calibration.statistics import Statistics
from lightweight_cli.calibration.sums import Sums
from lightweight_cli.calibration.uses import Watched

if TYPE_CHECKING:
    from lightweight_cli.data.batches import Batches
    from lightweight_cli.model.model import Model

Tell = Callable[[], None]


class Engine:
    """Calibration data run through a model.

    `memory`: bytes that whatever grows with the samples or the number of weights may take: half of it the values between two parts, an
    eighth each the sums of weights with several uses, and what they came to; a quarter is the data's. The sums of one weight, one
    batch's values within a part and that part's constants come on top.
    """

    def __init__(self, original: Model, fed: Collection[str], batches: Batches, sampling: Sampling, memory: int, threads: int,
                 tell: Tell) -> None:
        self.original, self.fed, self.batches, self.sampling = original, fed, batches, sampling
        self.flow = Flow(original.proto, fed)
        self.between, self.aside = memory // 2, memory // 8
        self.threads, self.tell = threads, tell

    def statistics(self, watched: Sequence[Watched], kept: Kept | None = None) -> Iterator[tuple[Watched, Statistics | str]]:
        """Yield what each weight sees in the original, when its last use is reached; `kept`: where the rows of those with one use go."""
        for some in self._shares(watched):
            yield from self._pass(some, kept)

    def _shares(self, watched: Sequence[Watched]) -> list[list[Watched]]:
        """Deal the weights out to passes, so that the sums open at a time have room."""
        shares: list[list[Watched]] = [[w for w in watched if not w.tied]]
        taken = 0
        for w in watched:
            if w.tied:
                size = Sums.nbytes(w.view.shape[0], w.view.shape[2]) + self.sampling.held_bytes(w)
                if taken and taken + size > self.aside:
                    shares.append([])
                    taken = 0
                shares[-1].append(w)
                taken += size
        return [s for s in shares if s]

    def _pass(self, watched: Sequence[Watched], kept: Kept | None) -> Iterator[tuple[Watched, Statistics | str]]:
        uses = [u for w in watched for u in w.uses]
        stops = sorted({u.stop for u in uses} | {u.stop - 1 for u in uses if u.inner and u.stop > 1})  # as a walk: parts give the same bits
        runner = self.runner(self.original, self.flow, stops[-1], Budget(self.between))
        open_: dict[int, Gathered] = {}
        try:
            for before, stop in zip([0, *stops], stops, strict=False):
                runner.advance(before, stop, uses)
                for w in watched:
                    for use in (u for u in w.uses if u.stop == stop):
                        keep = None if kept is None or w.tied or use.inner or use.read is None else kept.keeper(w, use)
                        open_.setdefault(id(w), Gathered(w, self.sampling, pairs=False)).add(use, runner.arrays(use), keep=keep)
                    if w.last == stop:
                        yield w, open_.pop(id(w)).result()
        finally:
            runner.live.close()

    def runner(self, model: Model, flow: Flow, end: int, budget: Budget, wanted: Collection[str] = ()) -> Runner:
        """Return a model at its inputs, to be run up to `end`, where some values are wanted."""
        return Runner(model, flow, self.batches, budget, end, self.threads, self.tell, wanted)
