"""The search: candidates built and measured, until the smallest that keeps the goal is known to some percent."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lightweight_cli.calibration.study import Study
from lightweight_cli.search import allocation, pricing
from lightweight_cli.search.allocation import allocated, total
from lightweight_cli.search.build import Built, Seen, build, unseen
from lightweight_cli.search.clock import Clock, TimeOver
from lightweight_cli.search.examiner import Examiner
from lightweight_cli.search.filling import LEFT, STRETCH, Filling
from lightweight_cli.search.front import Candidate, Front
from lightweight_cli.search.gains import Explored
from lightweight_cli.search.items import Item
from lightweight_cli.search.layer import Layer
from lightweight_cli.search.pieces import Store, taken

INTERRUPTED = "interrupted"
FIRST = 10.0
"""The ratio that is tried first."""
NARROW = 1.03
"""Ratio of the smallest size that holds to the largest that does not, below which the search ends."""
MOST = 9
"""Candidates at most."""
CLOSE, AIM = 0.98, 0.993
"""How near to a size from below is near enough; and the share of it that is aimed at."""
CORRECTIONS, TOGETHER, ALONE = 1, 6, 3
"""Candidates at most that correct a forecast by other items, by other steps of all layers together, and by those of single ones."""
NEAR = 1.2
"""Times a size within which other steps are as good as other items, and forecast better: they go by the codes that there are."""
SAME = 1.004
"""Times a step that is not worth a candidate."""
MISLED = 3.0
"""Times the loss on rows that fit, from which on that on others is taken for a sign of too few rows: it is 1.2 to 2 with enough."""

Told = Callable[[str, int, int], None]
"""Progress: a stage, weights done, and of how many."""


@dataclass
class Search:
    """What is known, and what was tried."""

    layers: Sequence[Layer]
    study: Callable[[], Study]
    """Opened where it is asked for first: the first candidate needs none."""
    examiner: Examiner
    seen: Seen
    rest: int
    """Bytes of the file that are no layer's."""
    store: Store
    original: int
    """Bytes of the model as it was given."""
    clock: Clock
    tell: Told
    explore: Callable[[], list[Explored]]
    """What each layer may become, and what its errors count."""
    front: Front = field(default_factory=Front)
    ended: str = ""
    """Why it ended early; "": it did not."""
    firm: bool = False
    """Whether what layers see is trusted less."""
    settled: bool = False
    """Whether that is known: by the first candidate that does not lose nothing."""
    explored: Sequence[Explored] = ()
    opened: bool = False
    """Whether a size took weights below 8 bits of which the data show nothing."""
    longest: float = 0.0
    """Seconds of the slowest candidate."""
    built: Built | None = None
    """The last candidate's values."""

    def run(self) -> None:
        """Search until the end, the time is over, or the user interrupts: the front has what came of it."""
        try:
            self._first()
            self.explored = self.explore()
            if self.clock.left < 0:
                raise TimeOver
            if self.front.most is None:
                self._smallest()
            else:
                self._of_size(self.front.most)
        except TimeOver:
            self.ended = "the time was over"
        except KeyboardInterrupt:
            if self.front.best is None:
                raise
            self.ended = INTERRUPTED

    def _first(self) -> None:
        """Round all to nearest, in about 8 bits: a result after seconds."""
        self._measured([layer.safe for layer in self.layers], nearest=True)

    def _smallest(self) -> None:
        """Bisect the logarithm of the size between what holds and what does not."""
        largest = allocation.safe(self.explored)
        if not self.front.tried[0].verdict.holds and not self._try(largest).verdict.holds:
            largest = allocation.finest(self.explored)
            if not self._try(largest).verdict.holds:
                return
        holding, failing = math.log(self._forecast(largest)), math.log(self._forecast(allocation.smallest(self.explored)))
        aim = math.log(self.original / FIRST)
        while len(self.front.tried) < MOST and holding - failing > math.log(NARROW):
            if not failing < aim < holding:
                aim = (holding + failing) / 2
            made = self._of(math.exp(aim))
            if made is None:
                return
            made = self._firmer(made)
            if made.verdict.holds:
                holding = min(holding, math.log(made.forecast))
            else:
                failing = max(failing, min(math.log(made.forecast), holding))
            aim = (holding + failing) / 2

    def _firmer(self, made: Candidate) -> Candidate:
        """Where the first candidate of the search does worse on the rows that judge than on those that fit, trust these less.

        Returns: the better of both; from here on all are built as it is.
        """
        if self.settled or not self.built:
            return made
        self.settled = True
        if made.verdict.loss <= MISLED * self.examiner.probe(self.built.values(self.layers)):
            return made
        built, self.firm = self.built, True
        other = self._measured(list(made.items), made.forecast)
        self.firm = other.verdict.loss < made.verdict.loss
        if not self.firm:
            self.built = built
        return other if self.firm else made

    def _of_size(self, most: int) -> None:
        """Build for a size, and correct the forecast by what came of it: by other items, then by other steps."""
        if self._forecast(allocation.smallest(self.explored)) > most and any(e.others for e in self.explored):
            self.opened, self.explored = True, [e._replace(choices=e.others or e.choices) for e in self.explored]
        aim = most * AIM
        made = self._of(aim)
        for _ in range(CORRECTIONS):
            if made is None or most / NEAR <= made.nbytes <= most * NEAR:
                break
            nearer = self.rest + (aim - self.rest) * (most * AIM - self.rest) / max(1, made.nbytes - self.rest)
            found = self._of(nearer)
            if found is None:
                break
            aim, made = nearer, found
        if made is None:
            return
        self._filled(made, most)
        best, self.built = self.front.best, self.front.built
        if best is not None and not best.nearest and not self.settled:
            made = self._firmer(best)
            if self.firm:
                self._filled(made, most)

    def _filled(self, made: Candidate, most: int) -> None:
        """Meet a size by other steps than the menu's: of all layers together, and of single ones with what is left over then."""
        assert self.built is not None
        filling, aim = Filling(self.explored, self.built, made.nbytes, self.store), most * AIM
        asked, low, high = aim, *((1.0, STRETCH) if made.nbytes > most else (1 / STRETCH, 1.0))
        for _ in range(TOGETHER):
            if self._met(most) or self._close(made, most) or not filling.free:
                break
            factor = filling.factor(asked, low, high)
            if not low < factor < high:
                factor = (low * high) ** 0.5
            items = filling.stretched(factor)
            if high < SAME * low or self._known(items):
                break
            before, made = made.nbytes, self._measured(items)
            if abs(made.nbytes - before) < LEFT * most:  # forms of one width, whatever the step
                break
            low, high = (max(low, factor), high) if made.nbytes > most else (low, min(high, factor))
            asked += aim - made.nbytes
        for _ in range(ALONE):
            best, built = self.front.best, self.front.built
            if self._met(most) or best is None or built is None or not self.front.keeps(best):
                return
            items = Filling(self.explored, built, best.nbytes, self.store).alone(aim)
            if self._known(items):
                return
            aim -= max(0.0, self._measured(items).nbytes - aim)  # what jumped once would do so again

    def _met(self, most: int) -> bool:
        return self.front.best is not None and self._close(self.front.best, most)

    def _known(self, items: Sequence[Item]) -> bool:
        return any(list(tried.items) == list(items) for tried in self.front.tried)

    @staticmethod
    def _close(made: Candidate, most: int) -> bool:
        return CLOSE * most <= made.nbytes <= most

    def _of(self, size: float) -> Candidate | None:
        """Build the assignment of a forecast size; None where that was built before."""
        chosen = allocated(self.explored, size - self.rest - pricing.TABLES)
        items = [c.item for c in chosen]
        return None if self._known(items) else self._try(chosen)

    def _try(self, chosen: Sequence[allocation.Choice]) -> Candidate:
        return self._measured([c.item for c in chosen], self._forecast(chosen))

    def _forecast(self, chosen: Sequence[allocation.Choice]) -> float:
        """Return the bytes of the file, by the layers' tables."""
        return self.rest + pricing.TABLES + total(chosen)

    def _measured(self, items: list[Item], forecast: float = 0.0, nearest: bool = False) -> Candidate:
        """Build and measure one candidate. Raises: TimeOver."""
        layers = self.layers
        if self.front.tried and self.clock.left < self.longest:
            raise TimeOver
        done, whole = 0, sum(layer.weight.size for layer in layers)
        self.clock.lap()

        def advance(layer: Layer) -> None:
            nonlocal done
            done += layer.weight.size
            self.tell(self._stage(), done, whole)
            if self.front.tried and self.clock.left < 0:
                raise TimeOver

        self.tell(self._stage(), 0, whole)
        wanted = {id(la): item for la, item in zip(layers, items, strict=True)}
        built = build(None, layers, wanted, unseen, advance) if nearest else build(
            self.study(), layers, wanted, self.seen, advance, self.firm)
        self.built = built
        verdict = self.examiner.examine(built.values(layers))
        nbytes = self.rest + round(taken(self.store(layer, new) for layer, new in zip(layers, built.rounded, strict=True)))
        made = Candidate(items, nbytes, verdict, forecast, self.firm, nearest)
        self.front.add(made, built)
        self.longest = max(self.longest, self.clock.lap())
        return made

    def _stage(self) -> str:
        """The front so far, in a few words."""
        said = f"candidate {len(self.front.tried) + 1}"
        best = self.front.best
        if best is not None and self.front.keeps(best):
            said += f", best {self.original / best.nbytes:.1f}x"
        return f"{said}, {max(0, round(self.clock.left))} s left"
