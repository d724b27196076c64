"""Candidates: what layers may become, forecast, built and measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lightweight_cli.calibration.study import Study
from lightweight_cli.search import pricing
from lightweight_cli.search.allocation import allocated, total
from lightweight_cli.search.between import filled
from lightweight_cli.search.build import Built, Seen, build, unseen
from lightweight_cli.search.bundles import saved
from lightweight_cli.search.clock import Clock, TimeOver
from lightweight_cli.search.examiner import Examiner
from lightweight_cli.search.front import Candidate, Front
from lightweight_cli.search.gains import Explored
from lightweight_cli.search.items import Item
from lightweight_cli.search.layer import Layer
from lightweight_cli.search.loading import Room
from lightweight_cli.search.pieces import Bundle, Store, taken
from lightweight_cli.search.table import Choice

MISLED = 3.0
"""Times the loss on rows that fit, from which on that on others is taken for a sign of too few rows: it is 1.2 to 2 with enough."""

Told = Callable[[str, int, int], None]
"""Progress: a stage, weights done, and of how many."""


@dataclass
class Candidates:
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
    bundle: Bundle | None = None
    room: Room | None = None
    """What decoding may take at load, where that is not enough for whatever layers become."""
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

    def first(self) -> None:
        """Round all to nearest, in about 8 bits: a result after seconds."""
        self.measured([layer.safe for layer in self.layers], nearest=True)

    def firmer(self, made: Candidate) -> Candidate:
        """Where the first candidate of the search does worse on the rows that judge than on those that fit, trust these less.

        Returns: the better of both; from here on all are built as it is.
        """
        if self.settled or not self.built:
            return made
        self.settled = True
        if made.verdict.loss <= MISLED * self.examiner.fit(self.built.values(self.layers)):
            return made
        built, self.firm = self.built, True
        other = self.measured(list(made.items), made.forecast)
        self.firm = other.verdict.loss < made.verdict.loss
        if not self.firm:
            self.built = built
        return other if self.firm else made

    def known(self, items: Sequence[Item]) -> bool:
        """Whether a candidate with these items was built, for what layers see."""
        return any(list(tried.items) == list(items) for tried in self.front.tried if not tried.nearest)

    def of(self, size: float, fill: bool = False) -> Candidate | None:
        """Build the assignment of a forecast size; None where that was built before. `fill`: with steps between the menu's,
        where decoding may take what it takes."""
        room = size - self.rest - pricing.TABLES
        chosen = allocated(self.explored, room, self.room)
        if (saved := self.saved(chosen)) > 0:
            chosen = allocated(self.explored, room + saved, self.room)
        forecast = self.forecast(chosen)
        items = filled(self.explored, chosen, size - forecast if fill and self.room is None else 0.0, size)
        return None if self.known(items) else self.measured(items, forecast)

    def made(self, chosen: Sequence[Choice]) -> Candidate:
        """Build an assignment."""
        return self.measured([c.item for c in chosen], self.forecast(chosen))

    def forecast(self, chosen: Sequence[Choice]) -> float:
        """Return the bytes of the file, by the layers' tables."""
        return self.rest + pricing.TABLES + total(chosen) - self.saved(chosen)

    def saved(self, chosen: Sequence[Choice]) -> float:
        """Return the bytes of these that bundles are to save."""
        return saved((c.nbytes, c.kinds) for c in chosen) if self.bundle is not None and self.room is None else 0.0

    def measured(self, items: list[Item], forecast: float = 0.0, nearest: bool = False) -> Candidate:
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
        pieces = (self.store(layer, new) for layer, new in zip(layers, built.rounded, strict=True))
        nbytes = self.rest + round(taken(pieces, self.room, self.bundle))
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
