"""An original that is run on the data once, for all the results that are compared with it.

The runs come one after the other, so that only one model is in memory: the original's outputs wait in a spool. Latency
needs both, and comes last.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType

import numpy as np

from lightweight_cli.checking.accuracy import Accuracy
from lightweight_cli.checking.by_kind import ByKind
from lightweight_cli.checking.certify.confirm import NONE_FRESH
from lightweight_cli.checking.check import BUDGET
from lightweight_cli.checking.clock import Clock
from lightweight_cli.checking.compare import Comparison
from lightweight_cli.checking.feeds import Feeds, made_batches, own_batches
from lightweight_cli.checking.kinds import verdict
from lightweight_cli.checking.metrics.spec import parse_metric
from lightweight_cli.checking.opening import open_model, provenance_note, refuse_another_interface, skeleton_of
from lightweight_cli.checking.runs import Progress, Run, run_candidate, run_reference
from lightweight_cli.checking.score import metric_drop
from lightweight_cli.checking.turns import in_turns
from lightweight_cli.data.batches import Batches
from lightweight_cli.data.portion import Half, Portion, Role
from lightweight_cli.data.spool import Spool
from lightweight_cli.errors import BrokenPromise, DataError, InputError
from lightweight_cli.runtime.latency import Latency
from lightweight_cli.runtime.level import Level
from lightweight_cli.runtime.sessions import interface
from lightweight_cli.runtime.threads import THREADS


class Original:
    """The original model's outputs on the data, in this process; arguments as of `verify`. Raises: InputError."""

    def __init__(self, path: str, batches: Sequence[str] | Feeds | None = None, labels: str | np.ndarray | None = None,
                 metric: str | None = None, *, seed: int = 0, batch_size: int | None = None, threads: int = THREADS,
                 budget: float | None = BUDGET, ignore_labels: bool = False, level: Level = "all", role: Role = "all",
                 samples: int | None = None, half: Half = "both", share: float | None = None, frozen: Sequence[str] = (),
                 exact: bool = False, progress: Progress | None = None) -> None:
        self.path, self.seed, self.threads, self.level, self.exact = path, seed, threads, level, exact
        tell = progress or _silent
        self.clock = Clock(budget)
        spec = parse_metric(metric) if metric else None
        given = None if batches is None or (isinstance(batches, Sequence) and not batches) else batches
        if given is None and labels is not None:
            raise InputError("labels need the data they belong to")
        with ExitStack() as stack:
            self.kept = stack.enter_context(Spool())
            tell("reference load", 0, None)
            session = open_model(path, InputError, "the original model", threads, level, exact)
            model = interface(session)
            self.model = model._replace(overridable=tuple(p for p in model.overridable if p.name not in frozen))
            self.skeleton = skeleton_of(path)
            self.found: Batches | str
            if given is None:
                self.found = made_batches(session, self.model, self.skeleton, seed, self.clock,
                                          lambda: tell("reference run", 0, None), path)
            else:
                tell("data", 0, None)
                portion = Portion((), role, samples, seed, half=half, share=share)
                self.found = own_batches(given, self.model, labels, ignore_labels, batch_size, portion)
            if not isinstance(self.found, str):
                stack.callback(self.found.close)
                if spec and self.found.labels is None:
                    raise DataError(f"metric {spec.name} needs labels, and the data has none")
                self.run = run_reference(session, self.model, self.found, self.kept, spec, self.clock, tell)
            self.clock.stop()
            self._end = stack.pop_all()

    def __enter__(self) -> Original:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end.close()

    def compare(self, candidate: str, *, latency: bool = True, progress: Progress | None = None) -> Accuracy:
        """Run a result on the same batches, and say what it cost. Raises: BrokenPromise."""
        tell, clock = progress or _silent, self.clock.again()
        tell("candidate load", 0, None)
        if isinstance(self.found, str):
            return self._unverified(candidate, self.found)
        old, found = self.run, self.found
        session = open_model(candidate, BrokenPromise, "the result", self.threads, self.level, self.exact)
        refuse_another_interface(self.model, session, self.skeleton, candidate)
        classes = {old.scores.output: old.scores.classes or 0} if old.scores else None
        comparison = Comparison(self.model, old.steady, self.skeleton, classes)
        by_kind = ByKind() if found.synthetic and old.steady else None
        new = run_candidate(session, old, self.kept, comparison, clock, tell, by_kind)
        provenance = provenance_note(session, self.path, self.skeleton)
        del session
        measured = in_turns(self.path, candidate, old.batches, self.threads, clock, tell) if latency else None
        outputs, kinds = comparison.results(), by_kind.results() if by_kind else ()
        if found.synthetic:
            outputs = tuple(o if o.sqnr is None else replace(o, agreement=None) for o in outputs)
        return Accuracy(
            synthetic=found.synthetic, batches=new.count, samples=new.samples, of=_left_out(found, new),
            outputs=outputs, kinds=kinds, verdict=verdict(kinds),
            metric=metric_drop(old.scores.first(new.count), new.scores, self.seed) if old.scores and new.scores else None,
            latency=measured if isinstance(measured, Latency) else None,
            latency_skipped=measured if isinstance(measured, str) else None,
            provenance=provenance, deterministic=old.steady, remarks=(NONE_FRESH,) if found.fresh is False else (),
            unverified=None if old.steady else "the original gives other values on each run (random operators)")

    def _unverified(self, candidate: str, why: str) -> Accuracy:
        """Return the outcome when no inputs are known that the original runs on: load and interface only."""
        other = open_model(candidate, BrokenPromise, "the result", self.threads, "all", self.exact)
        refuse_another_interface(self.model, other, self.skeleton, candidate)
        return Accuracy(synthetic=True, batches=0, samples=0, outputs=(), provenance=provenance_note(other, self.path, self.skeleton),
                        unverified=why, latency_skipped="no inputs to run")


def _silent(stage: str, done: int, total: int | None) -> None:
    """Tell nobody."""


def _left_out(found: Batches, run: Run) -> int | None:
    """Return the samples that were meant to be run, where time allowed fewer."""
    if found.synthetic:
        return None
    total = found.meant or sum(b.samples for b in found)
    return total if run.samples < total else None
