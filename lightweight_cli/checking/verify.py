"""Run an original and a candidate model on the same batches, and say what the change cost.

The two accuracy passes come one after the other, so that only one model is in memory: the reference's
outputs wait in a spool. Latency needs both, and comes last.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.checking.accuracy import Accuracy
from lightweight_cli.checking.by_kind import ByKind
from lightweight_cli.checking.check import BUDGET
from lightweight_cli.checking.clock import Clock
from lightweight_cli.checking.compare import Comparison
from lightweight_cli.checking.feeds import Feeds, made_batches, own_batches
from lightweight_cli.checking.kinds import verdict
from lightweight_cli.checking.metrics.spec import parse_metric
from lightweight_cli.checking.runs import Progress, Run, run_candidate, run_reference
from lightweight_cli.checking.score import metric_drop
from lightweight_cli.checking.turns import in_turns
from lightweight_cli.data.batches import Batches
from lightweight_cli.data.portion import Half, Portion, Role
from lightweight_cli.data.spool import Spool
from lightweight_cli.errors import BrokenPromise, DataError, InputError
from lightweight_cli.model.provenance import SOURCE
from lightweight_cli.model.skeleton import read_skeleton
from lightweight_cli.runtime.latency import Latency
from lightweight_cli.runtime.sessions import THREADS, Interface, Level, interface, interface_difference, open_session, reason

if TYPE_CHECKING:
    import onnx
    from onnxruntime import InferenceSession

NONE_FRESH = "too few samples to keep fresh ones apart: those that judge have selected the result too"


def verify(reference: str, candidate: str, batches: Sequence[str] | Feeds | None = None,
           labels: str | np.ndarray | None = None, metric: str | None = None, *, latency: bool = True, seed: int = 0,
           batch_size: int | None = None, threads: int = THREADS, budget: float | None = BUDGET, ignore_labels: bool = False,
           level: Level = "all", role: Role = "all", samples: int | None = None, half: Half = "both", share: float | None = None,
           frozen: Sequence[str] = (), progress: Progress | None = None) -> Accuracy:
    """Compare the model file `candidate` with the model file `reference`, in this process.

    `batches`: data paths as --data takes them, or feeds (dicts of arrays by input name); None: synthetic.
    `role`, `samples`, `half`, `share`: which samples of the data judge, and how many at most: see data.portion.
    `labels`: one a sample, or their file. `metric`: "top1", "ctc:blank=36", ...; None: chosen from the labels.
    `frozen`: inputs with a default that the candidate lacks on purpose: no data for them is used.
    `budget`: seconds by which as much of the data is run as fits; None: all of it.
    Raises: InputError for the reference, the data or the labels; BrokenPromise when the candidate does
        not load, run, keep its interface, or stay finite; UsageError for an unknown metric.
    """
    tell = progress or (lambda stage, done, total: None)
    clock = Clock(budget)
    spec = parse_metric(metric) if metric else None
    reference, candidate = os.fspath(reference), os.fspath(candidate)
    given = None if batches is None or (isinstance(batches, Sequence) and not batches) else batches
    if given is None and labels is not None:
        raise InputError("labels need the data they belong to")
    with Spool() as kept:
        tell("reference load", 0, None)
        session = _open(reference, InputError, "the original model", threads, level)
        model = interface(session)
        model = model._replace(overridable=tuple(p for p in model.overridable if p.name not in frozen))
        skeleton = _skeleton(reference)
        found: Batches | str
        if given is None:
            found = made_batches(session, model, skeleton, seed, clock, lambda: tell("reference run", 0, None), reference)
        else:
            tell("data", 0, None)
            found = own_batches(given, model, labels, ignore_labels, batch_size, Portion((), role, samples, seed, half=half, share=share))
        if isinstance(found, str):
            del session
            return _unverified(candidate, model, found, reference, skeleton, threads, tell)
        try:
            if spec and found.labels is None:
                raise DataError(f"metric {spec.name} needs labels, and the data has none")
            old = run_reference(session, model, found, kept, spec, clock, tell)
            del session
            tell("candidate load", 0, None)
            other = _open(candidate, BrokenPromise, "the result", threads, level)
            _same_interface(model, other, skeleton, candidate)
            classes = {old.scores.output: old.scores.classes or 0} if old.scores else None
            comparison = Comparison(model, old.steady, skeleton, classes)
            by_kind = ByKind() if found.synthetic and old.steady else None
            new = run_candidate(other, old, kept, comparison, clock, tell, by_kind)
            provenance = _provenance(other, reference, skeleton)
            del other
            measured = in_turns(reference, candidate, old.batches, threads, clock, tell) if latency else None
            outputs, kinds = comparison.results(), by_kind.results() if by_kind else ()
            if found.synthetic:
                outputs = tuple(o if o.sqnr is None else replace(o, agreement=None) for o in outputs)
            return Accuracy(
                synthetic=found.synthetic, batches=new.count, samples=new.samples, of=_left_out(found, new),
                outputs=outputs, kinds=kinds, verdict=verdict(kinds),
                metric=metric_drop(old.scores, new.scores, seed) if old.scores and new.scores else None,
                latency=measured if isinstance(measured, Latency) else None,
                latency_skipped=measured if isinstance(measured, str) else None,
                provenance=provenance, deterministic=old.steady, remarks=(NONE_FRESH,) if found.fresh is False else (),
                unverified=None if old.steady else "the original gives other values on each run (random operators)")
        finally:
            found.close()


def _left_out(found: Batches, run: Run) -> int | None:
    """Return the samples that the data has, where fewer were run."""
    if found.synthetic:
        return None
    total = found.of or sum(b.samples for b in found)
    return total if run.samples < total else None


def _open(path: str, error: type[InputError] | type[BrokenPromise], who: str, threads: int, level: Level) -> InferenceSession:
    try:
        return open_session(path, threads=threads, level=level)
    except Exception as failure:  # onnxruntime's exceptions have no common base
        raise error(f"{who}: onnxruntime can't load it: {reason(failure)}") from failure


def _skeleton(path: str) -> onnx.ModelProto | None:
    """Return the model without weights; None when only onnxruntime can read it (its own .ort format)."""
    try:
        return read_skeleton(path)
    except (OSError, ValueError):
        return None


def _same_interface(model: Interface, session: InferenceSession, skeleton: onnx.ModelProto | None, candidate: str) -> None:
    """Refuse a candidate with another interface. Raises: BrokenPromise.

    Shapes may differ where both files state the same of every output: onnxruntime reports what it infers, and where a
    file states a wrong shape that depends on how far it gets.
    """
    other = interface(session)
    difference = interface_difference(model, other)
    if difference and not interface_difference(model, other, shapes=False) and skeleton is not None:
        mine = _skeleton(candidate)
        if mine is not None and model.inputs == other.inputs and list(mine.graph.output) == list(skeleton.graph.output):
            return
    if difference:
        raise BrokenPromise(f"the result has another interface: {difference}")


def _unverified(candidate: str, model: Interface, why: str, reference: str,
                skeleton: onnx.ModelProto | None, threads: int, tell: Progress) -> Accuracy:
    """Return the outcome when no inputs are known that the original runs on: load and interface only."""
    tell("candidate load", 0, None)
    other = _open(candidate, BrokenPromise, "the result", threads, "all")
    _same_interface(model, other, skeleton, candidate)
    return Accuracy(synthetic=True, batches=0, samples=0, outputs=(), provenance=_provenance(other, reference, skeleton),
                    unverified=why, latency_skipped="no inputs to run")


def _provenance(session: InferenceSession, reference: str, skeleton: onnx.ModelProto | None) -> str | None:
    """Return a note unless the candidate was made from the reference, or both from one model."""
    source = session.get_modelmeta().custom_metadata_map.get(SOURCE)
    if not source:
        return "no lwc provenance: the candidate does not name the model it was made from"
    if skeleton is not None and any(p.key == SOURCE and p.value == source for p in skeleton.metadata_props):
        return None
    digest = hashlib.sha256()
    with open(reference, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return None if source == digest.hexdigest() else "the candidate was made from another model than the reference"
