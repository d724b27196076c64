"""Run an original and a candidate model on the same batches, and say what the change cost.

The two accuracy passes come one after the other, so that only one model is in memory: the reference's
outputs wait in a spool. Latency needs both, and comes last.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lightweight_cli.checking.accuracy import Accuracy
from lightweight_cli.checking.compare import Comparison, changes, outputs_of
from lightweight_cli.checking.metrics.spec import MetricSpec, parse_metric
from lightweight_cli.checking.score import Scores, metric_drop
from lightweight_cli.data.batches import Batch, Batches, feed_batches
from lightweight_cli.data.labels import load_labels
from lightweight_cli.data.portion import Portion, Role, chosen, open_portion
from lightweight_cli.data.spool import Spool
from lightweight_cli.data.synthetic import synthetic_batches
from lightweight_cli.errors import BrokenPromise, InputError
from lightweight_cli.model.provenance import SOURCE
from lightweight_cli.model.skeleton import read_skeleton, stored_bytes
from lightweight_cli.runtime import latency as timing
from lightweight_cli.runtime.latency import Latency
from lightweight_cli.runtime.sessions import THREADS, Interface, interface, interface_difference, open_session, reason

if TYPE_CHECKING:
    import onnx
    from onnxruntime import InferenceSession

BOTH_LOADED = 512 << 20
"""Bytes of both models together up to which they are held at once, to time them in turns."""

Feeds = Iterable[Mapping[str, Any]]
Progress = Callable[[str, int, "int | None"], None]
"""Called with a stage, batches done, and their number where known: see judge.Progress."""


def verify(reference: str, candidate: str, batches: Sequence[str] | Feeds | None = None,
           labels: str | np.ndarray | None = None, metric: str | None = None, *, latency: bool = True, seed: int = 0,
           batch_size: int | None = None, threads: int = THREADS, role: Role = "all", samples: int | None = None,
           frozen: Sequence[str] = (), progress: Progress | None = None) -> Accuracy:
    """Compare the model file `candidate` with the model file `reference`, in this process.

    `batches`: data paths as --data takes them, or feeds (dicts of arrays by input name); None: synthetic.
    `role`, `samples`: which samples of the data judge, and how many at most: see data.portion.
    `labels`: one a sample, or their file. `metric`: "top1", "ctc:blank=36", ...; None: chosen from the labels.
    `frozen`: inputs with a default that the candidate lacks on purpose: no data for them is used.
    Raises: InputError for the reference, the data or the labels; BrokenPromise when the candidate does
        not load, run, keep its interface, or stay finite; UsageError for an unknown metric.
    """
    tell = progress or (lambda stage, done, total: None)
    spec = parse_metric(metric) if metric else None
    reference, candidate = os.fspath(reference), os.fspath(candidate)
    with Spool() as kept:
        tell("reference load", 0, None)
        session = _open(reference, threads, InputError, "the original model")
        model = interface(session)
        model = model._replace(overridable=tuple(p for p in model.overridable if p.name not in frozen))
        skeleton = _skeleton(reference)
        found = _batches(batches, labels, batch_size, (role, samples), session, model, skeleton, seed, tell)
        if isinstance(found, str):
            return _unverified(session, candidate, model, found, reference, skeleton, threads, tell)
        try:
            if spec and found.labels is None:
                raise InputError(f"metric {spec.name} needs labels, and the data has none")
            scores, samples, steady = _reference_pass(session, model, found, kept, spec, tell)
            del session
            tell("candidate load", 0, None)
            other = _open(candidate, threads, BrokenPromise, "the result")
            _same_interface(model, other, skeleton, candidate)
            comparison = Comparison(model, steady, changes(skeleton))
            mine = _candidate_pass(other, model, found, kept, comparison, scores, tell)
            measured = _latency(reference, candidate, other, found, threads, tell) if latency else None
            return Accuracy(
                synthetic=found.synthetic, batches=len(kept), samples=samples,
                outputs=comparison.results(), metric=metric_drop(scores, mine, seed) if scores and mine else None,
                latency=measured if isinstance(measured, Latency) else None,
                latency_skipped=measured if isinstance(measured, str) else None,
                provenance=_provenance(other, reference, skeleton), deterministic=steady,
                unverified=None if steady else "the original gives other values on each run (random operators)")
        finally:
            found.close()


def _open(path: str, threads: int, error: type[InputError] | type[BrokenPromise], who: str) -> InferenceSession:
    try:
        return open_session(path, threads=threads)
    except Exception as failure:  # onnxruntime's exceptions have no common base
        raise error(f"{who}: onnxruntime can't load it: {reason(failure)}") from failure


def _skeleton(path: str) -> onnx.ModelProto | None:
    """Return the model without weights; None when only onnxruntime can read it (its own .ort format)."""
    try:
        return read_skeleton(path)
    except (OSError, ValueError):
        return None


def _batches(batches: Sequence[str] | Feeds | None, labels: str | np.ndarray | None, batch_size: int | None, meant: tuple[Role, int | None],
             session: InferenceSession, model: Interface, skeleton: onnx.ModelProto | None, seed: int,
             tell: Progress) -> Batches | str:
    """Return the batches to run, or why there are none."""
    if batches is None or (isinstance(batches, Sequence) and not batches):
        if labels is not None:
            raise InputError("labels need the data they belong to")
        return synthetic_batches(session, model, skeleton, seed, lambda: tell("reference run", 0, None))
    tell("data", 0, None)
    if isinstance(batches, Sequence) and all(isinstance(b, (str, os.PathLike)) for b in batches):
        if labels is not None and not isinstance(labels, (str, os.PathLike)):
            raise InputError("labels for data files must be a file too")
        return open_portion(Portion(tuple(os.fspath(b) for b in batches), *meant, seed), model, labels=labels and os.fspath(labels),
                            batch_size=batch_size)
    own = load_labels(os.fspath(labels)) if isinstance(labels, (str, os.PathLike)) else labels
    return chosen(feed_batches(batches, model, labels=own), *meant, seed)  # type: ignore[arg-type]


def _reference_pass(session: InferenceSession, model: Interface, batches: Batches, kept: Spool,
                    spec: MetricSpec | None, tell: Progress) -> tuple[Scores | None, int, bool]:
    """Run the original, keep its outputs; the first batch runs twice, to see if they are the same.

    Returns: its scores, when there are labels; samples; whether its values are the same each time.
    """
    scores = Scores(model, batches.labels, spec) if batches.labels is not None else None
    samples, steady = 0, True
    for done, batch in enumerate(batches):
        tell("reference run", done, batches.count)
        try:
            outputs = outputs_of(session, batch.feed)
            if done == 0:
                steady = Comparison.equal(outputs, outputs_of(session, batch.feed))
        except Exception as failure:
            if batches.synthetic and done:  # values that this one batch happens to have
                batches.count = done
                break
            raise InputError(f"the original model does not run on batch {done}: {reason(failure)}") from failure
        if scores:
            scores.add(batch, outputs)
        kept.append(outputs)
        samples += batch.samples
    return scores, samples, steady


def _candidate_pass(session: InferenceSession, model: Interface, batches: Batches, kept: Spool,
                    comparison: Comparison, scores: Scores | None, tell: Progress) -> Scores | None:
    """Run the candidate and compare, batch by batch. Returns: its scores, when there are labels."""
    mine = scores.twin() if scores else None
    for done, (batch, expected) in enumerate(zip(batches, kept, strict=True)):
        tell("candidate run", done, batches.count)
        try:
            outputs = outputs_of(session, batch.feed)
        except Exception as failure:
            raise BrokenPromise(f"the result does not run on batch {done}, where the original does: "
                                f"{reason(failure)}") from failure
        comparison.add(expected, outputs, done)
        if mine:
            mine.add(batch, outputs)
    return mine


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


def _unverified(session: InferenceSession, candidate: str, model: Interface, why: str, reference: str,
                skeleton: onnx.ModelProto | None, threads: int, tell: Progress) -> Accuracy:
    """Return the outcome when no inputs are known that the original runs on: load and interface only."""
    del session
    tell("candidate load", 0, None)
    other = _open(candidate, threads, BrokenPromise, "the result")
    _same_interface(model, other, skeleton, candidate)
    return Accuracy(synthetic=True, batches=0, samples=0, outputs=(), provenance=_provenance(other, reference, skeleton),
                    unverified=why, latency_skipped="no inputs to run")


def _latency(reference: str, candidate: str, session: InferenceSession, batches: Batches, threads: int,
             tell: Progress) -> Latency | str:
    """Time both models in turns on one sample of the first batch, or the whole where it can't be cut."""
    size = stored_bytes(reference) + stored_bytes(candidate)
    if size > BOTH_LOADED:
        return f"both models together have {size >> 20} MiB; up to {BOTH_LOADED >> 20} MiB are held at once"
    batch = next(iter(batches))
    tell("latency", 0, None)
    again = _open(reference, threads, InputError, "the original model")
    try:
        return timing.measure(again, session, _one_sample(batch))
    except Exception:  # a model that runs on its whole batch only
        return timing.measure(again, session, batch.feed)


def _one_sample(batch: Batch) -> dict[str, Any]:
    return {name: value[:1] if name in batch.sliceable else value for name, value in batch.feed.items()}


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
