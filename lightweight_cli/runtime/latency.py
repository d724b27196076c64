"""Latency as a paired, interleaved ratio, by the clock and by processor time; or that the machine is too busy to say.

What disturbs the machine disturbs both models, but not equally: on two cores with eight jobs, two sessions of one file differed
by up to 1.55 by the clock, each round's quartiles being tight. So rounds are short and many, every block of them has sessions
of its own, and a figure is given only where rounds and blocks agree. Processor time, which does not count waiting for
others, agrees far more often.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

BLOCK = 0.4
"""Seconds of one block of rounds."""
FEWEST_BLOCKS = 3
ENOUGH_BLOCKS = 5
"""After so many, processor time alone must agree: on a busy machine the clock's rounds seldom do."""
MOST_BLOCKS = 12
FEWEST_ROUNDS = 2
"""Of a block, however slow the models are."""
TURN = 0.001
"""Seconds a turn of one model takes at least: shorter runs are repeated within it."""
SLOWEST = 3.0
"""Seconds of one run beyond which nothing is measured."""
REOPEN = 0.3
"""Seconds of loading both models up to which every block has sessions of its own."""
MOST_REPEATS = 1000
WARM_UP = 2
NOISE = 1.15
"""Rounds agree while the ends of the median's 95 % interval, and the medians of the blocks, are no further apart than this factor.

Measured on 5 models against themselves, 25 times each for 1.5 s, on a machine with 2 cores and a load of 8: the farthest figure
told was 1.06 by processor time (told in 12 to 100 % of the cases) and 1.07 by the clock (0 to 92 %); at 1.2 it was 1.09 and 1.13.
"""
Z = 1.96


@dataclass(frozen=True)
class Pace:
    """Candidate / reference, in one kind of time: above 1 is slower."""

    ratio: float | None
    """Median of the paired rounds; None: they disagree, and it is too noisy to say."""
    low: float
    high: float
    """The 95 % interval of the median."""
    reference_ms: float
    candidate_ms: float
    """Medians of one run."""


@dataclass(frozen=True)
class Latency:
    """Time of one batch in both models, measured in turns."""

    clock: Pace
    """What passes until the outputs are there."""
    processor: Pace
    """What all threads of the model work."""
    rounds: int
    threads: int
    batch: int
    """Samples of a run."""

    @property
    def ratio(self) -> float | None:
        """The ratio by the clock, or where that is too noisy by processor time; None: both are."""
        return self.clock.ratio if self.clock.ratio is not None else self.processor.ratio


class Round(NamedTuple):
    """A turn of each model: seconds a run, by the clock and of processor time."""

    reference: tuple[float, float]
    candidate: tuple[float, float]


Opener = Callable[[], "InferenceSession"]


def measure(reference: Opener, candidate: Opener, feed: dict[str, Any], *, threads: int, batch: int,
            seconds: float = math.inf) -> Latency | str:
    """Time both models on the same feed in turns, swapping who goes first, until the blocks agree or `seconds` are over.

    Returns: what was measured, or why nothing was.
    """
    started = time.perf_counter()
    sessions, loading = _opened(reference, candidate, swap=False)
    slower = 0.0
    for _ in range(WARM_UP):
        slower = max(_turn(s, feed, 1)[0] for s in sessions)
        if slower > SLOWEST:
            return f"one run takes {slower:.1f} s"
    least = 2 * slower * FEWEST_BLOCKS * FEWEST_ROUNDS
    if time.perf_counter() - started + least > seconds:
        return f"it would take {least:.1f} s more, which the check has not left"
    blocks: list[list[Round]] = []
    while len(blocks) < FEWEST_BLOCKS or (len(blocks) < MOST_BLOCKS and time.perf_counter() - started < seconds
                                          and not _agree(blocks)):
        if blocks and loading < REOPEN:
            del sessions
            sessions, loading = _opened(reference, candidate, swap=len(blocks) % 2 == 1)
        blocks.append(_block(*sessions, feed))
    return Latency(_pace(blocks, 0), _pace(blocks, 1), sum(map(len, blocks)), threads, batch)


def _agree(blocks: Sequence[Sequence[Round]]) -> bool:
    """Whether more rounds would tell no more."""
    return _pace(blocks, 1).ratio is not None and (len(blocks) >= ENOUGH_BLOCKS or _pace(blocks, 0).ratio is not None)


def _opened(reference: Opener, candidate: Opener, *, swap: bool) -> tuple[tuple[InferenceSession, InferenceSession], float]:
    """Open both, in either order. Returns: them, and the seconds that took."""
    started = time.perf_counter()
    if swap:
        second = candidate()
        first = reference()
    else:
        first = reference()
        second = candidate()
    return (first, second), time.perf_counter() - started


def _block(reference: InferenceSession, candidate: InferenceSession, feed: dict[str, Any]) -> list[Round]:
    """Return the rounds of one block, after a warm-up."""
    once = max(min(_turn(s, feed, 1)[0] for _ in range(WARM_UP)) for s in (reference, candidate))
    repeats = max(1, min(MOST_REPEATS, int(TURN / max(once, 1e-6))))
    rounds: list[Round] = []
    started = time.perf_counter()
    while len(rounds) < FEWEST_ROUNDS or time.perf_counter() - started < BLOCK:
        if len(rounds) % 2:
            after = _turn(candidate, feed, repeats)
            rounds.append(Round(_turn(reference, feed, repeats), after))
        else:
            before = _turn(reference, feed, repeats)
            rounds.append(Round(before, _turn(candidate, feed, repeats)))
    return rounds


def _turn(session: InferenceSession, feed: dict[str, Any], repeats: int) -> tuple[float, float]:
    """Return seconds of one of `repeats` runs, by the clock and of processor time."""
    clock, processor = time.perf_counter(), time.process_time()
    for _ in range(repeats):
        session.run(None, feed)
    return (time.perf_counter() - clock) / repeats, (time.process_time() - processor) / repeats


def _pace(blocks: Sequence[Sequence[Round]], kind: int) -> Pace:
    """Return the ratio in one kind of time, by the clock 0, of processor time 1."""
    import statistics

    ratios = [sorted(r.candidate[kind] / max(r.reference[kind], 1e-9) for r in block) for block in blocks]
    every = sorted(x for block in ratios for x in block)
    half = math.ceil(Z * math.sqrt(len(every)) / 2)
    low, high = every[max(0, len(every) // 2 - half)], every[min(len(every) - 1, len(every) // 2 + half)]
    medians = sorted(statistics.median(block) for block in ratios)
    odd = len(medians) // 4  # of many blocks, some may be disturbed
    medians = medians[odd : len(medians) - odd]
    agree = low > 0 and high / low <= NOISE and medians[-1] <= NOISE * medians[0]
    before, after = ([r[i][kind] for block in blocks for r in block] for i in (0, 1))
    return Pace(statistics.median(every) if agree else None, low, high,
                1e3 * statistics.median(before), 1e3 * statistics.median(after))
