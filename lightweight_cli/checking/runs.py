"""The two runs of a check: the original, whose outputs are kept, then the result, compared batch by batch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lightweight_cli.checking.by_kind import ByKind
from lightweight_cli.checking.clock import BATCH, END, LATE, REFERENCE, Clock
from lightweight_cli.checking.compare import Comparison, outputs_of
from lightweight_cli.checking.metrics.spec import MetricSpec
from lightweight_cli.checking.score import Scores
from lightweight_cli.data.batches import Batch, Batches
from lightweight_cli.data.spool import Spool
from lightweight_cli.data.thinned import can_be_cut, one_sample, singles, thinned
from lightweight_cli.errors import BrokenPromise, InputError
from lightweight_cli.runtime.sessions import Interface, reason

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Progress = Callable[[str, int, "int | None"], None]
"""Called with a stage, batches done, and their number where known: see judge.Progress."""


@dataclass
class Run:
    """What came of running a model."""

    batches: Batches
    """Those that were run: fewer or smaller ones than there were, where time or the model wanted it so."""
    scores: Scores | None
    samples: int = 0
    count: int = 0
    steady: bool = True
    """Whether the model's values are the same each time."""


def run_reference(session: InferenceSession, model: Interface, batches: Batches, kept: Spool, spec: MetricSpec | None,
                  clock: Clock, tell: Progress) -> Run:
    """Run the original on as much of the data as its time allows, and keep its outputs. Raises: InputError."""
    tell("reference run", 0, batches.count)
    first = next(iter(batches))
    probe = _probe(session, first, clock)
    if probe.alone:
        batches = singles(batches)
    if clock.left(REFERENCE) < probe.seconds * (batches.count or 0):
        batches = thinned(batches, max(1, int(clock.left(REFERENCE) / probe.seconds)))
    run = Run(batches, Scores(model, batches.labels, spec) if batches.labels is not None else None, steady=probe.steady)
    for done, batch in enumerate(batches):
        if done and clock.past(LATE):
            break
        if done:
            tell("reference run", done, batches.count)
        try:
            outputs = outputs_of(session, batch.feed) if done else probe.outputs
        except Exception as failure:
            if batches.synthetic:  # values that this one batch happens to have
                break
            what = "sample" if probe.alone else "batch"
            raise InputError(f"the original model does not run on {what} {done}: {reason(failure)}") from failure
        if run.scores:
            run.scores.add(batch.samples, outputs)
        kept.append(outputs)
        run.samples, run.count = run.samples + batch.samples, done + 1
    return run


@dataclass
class Probe:
    """What the first runs of a model tell."""

    outputs: list[Any]
    """Of the first batch, or of its first sample where that is run alone."""
    seconds: float
    steady: bool
    alone: bool
    """Single samples are to be run: the model takes nothing else, or a batch would take too long."""


def _probe(session: InferenceSession, first: Batch, clock: Clock) -> Probe:
    """Run one sample twice, then the first batch; where one sample does not run, or can't be cut, the batch twice.

    Raises: InputError where neither runs; what onnxruntime says of the batch counts.
    """
    sample = one_sample(first) if can_be_cut(first) else first
    try:
        before = outputs_of(session, sample.feed)
        after, seconds = _timed(session, sample)
        steady = Comparison.equal(before, after)
    except Exception as failure:
        if sample is first:
            raise InputError(f"the original model does not run on batch 0: {reason(failure)}") from failure
        return _probe(session, first._replace(sliceable=()), clock)
    if sample is first or seconds * first.samples > BATCH * clock.budget:
        return Probe(after, seconds, steady, sample is not first)
    try:
        outputs, longer = _timed(session, first)
    except Exception:  # the batch is fixed inside, whatever the input's shape says
        return Probe(after, seconds, steady, True)
    return Probe(outputs, longer, steady, False)


def _timed(session: InferenceSession, batch: Batch) -> tuple[list[Any], float]:
    started = time.monotonic()
    return outputs_of(session, batch.feed), max(time.monotonic() - started, 1e-6)


def run_candidate(session: InferenceSession, reference: Run, kept: Spool, comparison: Comparison, clock: Clock,
                  tell: Progress, by_kind: ByKind | None = None) -> Run:
    """Run the result on the same batches and compare, at least one of them. Raises: BrokenPromise."""
    scores = reference.scores
    run = Run(reference.batches, scores.twin() if scores else None)
    for done, (batch, expected) in enumerate(zip(reference.batches, kept, strict=False)):
        if done and clock.past(END):
            break
        tell("candidate run", done, reference.count)
        try:
            outputs = outputs_of(session, batch.feed)
        except Exception as failure:
            raise BrokenPromise(f"the result does not run on batch {done}, where the original does: "
                                f"{reason(failure)}") from failure
        comparison.add(expected, outputs, done)
        if by_kind is not None:
            by_kind.add(batch, expected, outputs)
        if run.scores:
            run.scores.add(batch.samples, outputs)
        run.samples, run.count = run.samples + batch.samples, done + 1
    return run
