"""The descent: steps of Adam on batches as they are drawn, and the best state on samples that none of them saw."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

import numpy as np

from lightweight_cli.distillation.models import Models
from lightweight_cli.distillation.pool import Pool
from lightweight_cli.distillation.settings import Settings
from lightweight_cli.distillation.vector import Vector
from lightweight_cli.numerics.adam import Adam, clip, rate_at

LOOKS = 20
"""Times that the held-back samples are looked at."""
PATIENCE = 15
"""Looks without a better state, after which the descent ends."""
RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
"""Of which one is taken, where none is given: the right one differs by models, and a few steps tell."""
TRIED = 0.04
"""Share of the steps that each rate is tried for."""
TOLERATED = 1.25
"""Times the least loss of all trials that the highest rate may have that is taken: it does harm first, and more good later. Half of a CNN's
channels: .158 to .187 after 20 steps at 1e-4 to 1e-3, .227 at 3e-3, and the best of 800 steps between the last two."""
NOISE = 0.5
"""Over the root of the samples held back: the share by which their losses may differ by chance. Of states so near the later one is kept,
for which the rate was lower. Half of a CNN's channels, 26 samples and as many mixtures, 250 steps: a state amid the course had .1055 on
them and .191 on 3,000 others, the last one .1083 and .162; the teacher's choice on .924 and .936 of them."""
LONGEST = 2.0
"""Length of a gradient at most, relative to the mean of those before: one odd batch must not undo many steps."""
TIMED = 3
"""Steps behind the first by which the time of one is known."""
Alive = Callable[[], None]
"""Called after each run: a sign of life."""
NOT_FINITE = "the loss was no longer finite"


class Descent:
    """A student on its way: go through `course`, which may be left at any time."""

    def __init__(self, models: Models, vector: Vector, train: Pool, held: Pool, settings: Settings, alive: Alive = lambda: None,
                 at_once: int | None = None) -> None:
        """`at_once`: samples of a batch that are run at a time; None: all."""
        self.at_once = at_once or train.size
        self.models, self.vector, self.train, self.settings = models, vector, train, settings
        self.steps, self.done, self.loss, self.length = settings.steps, 0, math.nan, 0.0
        self.tried = 0 if settings.rate is not None else max(2, round(TRIED * settings.steps))
        self.rate = settings.rate
        self.began = self.timed = time.monotonic()
        self.alive, self.held = alive, []
        for drawn in held.judging():
            for part in held.parts(drawn, self.at_once):
                self.held.append((part, models.targets(part)))
                alive()
        self.first = self.best = self.least = self.seen = self.look()
        self.kept = vector.free.copy()
        self.ended = ""
        """Why it ended early."""

    @property
    def total(self) -> int:
        """Steps in all, those that try rates too."""
        return self.steps + self.tried * len(RATES)

    def look(self) -> float:
        """Return the loss on the held-back samples; infinite where it is none."""
        total = 0.0
        for drawn, targets in self.held:
            total += drawn.samples * self.models.judge(drawn, targets)
            self.alive()
        found = total / sum(drawn.samples for drawn, _ in self.held)
        return found if math.isfinite(found) else math.inf

    def course(self) -> Iterator[None]:
        """Take one step after the other, until the end."""
        if self.rate is None:
            losses = []
            for rate in RATES:
                yield from self._try(rate)
                losses.append(self.seen)
                self.restore()
            self.rate = max((r for r, loss in zip(RATES, losses, strict=True) if loss <= TOLERATED * min(losses)), default=RATES[0])
        adam, since, look = Adam(self.vector.free.size), 0, max(1, self.steps // LOOKS)
        for step in range(self.steps):
            if step >= self.steps:  # there is less time than was thought
                break
            self._step(adam, rate_at(step, self.steps, self.rate))
            yield
            if (step + 1) % look and step + 1 < self.steps and math.isfinite(self.loss):
                continue
            since = 0 if self._better() else since + 1
            if not math.isfinite(self.loss) or since >= PATIENCE:
                self.ended = NOT_FINITE if since < PATIENCE else f"no better state in {PATIENCE} looks"
                return

    def _try(self, rate: float) -> Iterator[None]:
        adam = Adam(self.vector.free.size)
        for step in range(self.tried):
            if step < self.tried:  # there may be less time than was thought
                self._step(adam, rate_at(step, self.tried, rate))
                yield
        self._better()

    def _step(self, adam: Adam, rate: float) -> None:
        """Move the parameters by one batch."""
        self.loss = self.models.step(list(self.train.parts(self.train.draw(), self.at_once)))
        self.vector.collect()
        length = clip(self.vector.slope, LONGEST * self.length if self.length else math.inf)
        if math.isfinite(length):
            self.length = 0.9 * self.length + 0.1 * min(length, LONGEST * self.length) if self.length else length
            adam.step(self.vector.free, self.vector.slope, rate)
            self.vector.put()
        self.done += 1
        if self.settings.time_limit is not None:
            self._time(self.settings.time_limit)

    def _time(self, limit: float) -> None:
        """Take only as many steps as there is time for, the rate's whole course in them."""
        now = time.monotonic()
        if self.done == 1:  # the first is slower
            self.timed = now
        if self.done > TIMED and now - self.began > limit:
            self.steps, self.ended = 0, "the time was over"
        if self.done != 1 + TIMED:
            return
        most = self.done + (limit - (now - self.began)) * TIMED / max(now - self.timed, 1e-9)
        if most < self.total:
            self.tried = min(self.tried, max(1, int(TRIED * most)))
            self.steps = max(1, int(most) - self.tried * len(RATES) * (self.settings.rate is None))
            self.ended = "the time was too short for all steps"

    def _better(self) -> bool:
        """Keep the state where it is better than the start and, but for chance, the best so far."""
        self.seen = self.look()
        chance = 0.0 if self.rate is None else NOISE / math.sqrt(sum(drawn.samples for drawn, _ in self.held))
        if not self.seen < min(self.first, (1 + chance) * self.least):
            return False
        self.best, self.least = self.seen, min(self.seen, self.least)
        np.copyto(self.kept, self.vector.free)
        return True

    def restore(self) -> None:
        """Go back to the best state."""
        np.copyto(self.vector.free, self.kept)
        self.vector.put()
