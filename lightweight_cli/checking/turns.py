"""Both models in turns on one sample of the data: how long they take."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lightweight_cli.checking.clock import Clock
from lightweight_cli.data.batches import Batches
from lightweight_cli.data.thinned import can_be_cut, one_sample
from lightweight_cli.model.skeleton import stored_bytes
from lightweight_cli.runtime.latency import Latency, measure
from lightweight_cli.runtime.sessions import open_session

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

BOTH_LOADED = 512 << 20
"""Bytes of both models together up to which they are held at once, to time them in turns."""
SECONDS = 6.0
"""Most that may be spent until the rounds agree; on a quiet machine 1.2 are enough."""
LEAST = 2.0
"""Seconds that there are in any case, however long the data took."""


def in_turns(reference: str, candidate: str, batches: Batches, threads: int, clock: Clock,
             tell: Callable[[str, int, int | None], None]) -> Latency | str:
    """Time both models on one sample of the first batch, or the whole where it can't be cut. Returns: or why not."""
    too_large = beyond(stored_bytes(reference) + stored_bytes(candidate), "both models together have")
    if too_large is not None:
        return too_large
    batch = next(iter(batches))
    tell("latency", 0, None)

    def opener(path: str) -> Callable[[], InferenceSession]:
        return lambda: open_session(path, threads=threads)

    for one in [*([one_sample(batch)] if can_be_cut(batch) else []), batch]:
        try:
            return measure(opener(reference), opener(candidate), one.feed, threads=threads, batch=one.samples,
                           seconds=min(SECONDS, max(LEAST, clock.left())))
        except Exception:  # a model that runs on its whole batch only
            if one is batch:
                raise
    raise AssertionError


def beyond(size: int, what: str) -> str | None:
    """Say that models of so many bytes are too large to be timed; None: they are not."""
    return f"{what} {size >> 20} MiB; up to {BOTH_LOADED >> 20} MiB are held at once" if size > BOTH_LOADED else None
