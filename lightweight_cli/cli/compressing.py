"""What every compressing command does: read, apply the steps, write, check, and only then publish."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from lightweight_cli import __version__
from lightweight_cli.checking.check import Check
from lightweight_cli.checking.gates import Gates
from lightweight_cli.checking.gates import check as held
from lightweight_cli.cli.beforehand import refuse_gates
from lightweight_cli.cli.judging import judged, lossless, promised
from lightweight_cli.errors import GateError, InputError, OutputError, UsageError, printable
from lightweight_cli.model.blobs import Blob
from lightweight_cli.model.load import load
from lightweight_cli.model.model import Model
from lightweight_cli.model.output import Candidate, refuse_target
from lightweight_cli.model.output_external import write_candidate
from lightweight_cli.model.provenance import origin
from lightweight_cli.model.wire import Payload
from lightweight_cli.pipeline import registry
from lightweight_cli.pipeline.recipe import Step
from lightweight_cli.pipeline.run import run_steps
from lightweight_cli.report.model import Report
from lightweight_cli.report.progress import Progress

if TYPE_CHECKING:
    from lightweight_cli.checking.accuracy import Accuracy
    from lightweight_cli.data.portion import Portion
    from lightweight_cli.pipeline.step_report import StepReport


@dataclass
class Job:
    """One call of a compressing command."""

    command: str
    model: str | None
    steps: Sequence[Step]
    output: str | None = None
    force: bool = False
    quiet: bool = False
    against: str | None = None
    check: Check | None = field(default_factory=Check)
    """How the result is compared with the original; None: --no-check."""
    gates: Gates = field(default_factory=Gates)
    reports: tuple[str, ...] = ()
    calibrate: Portion | None = None
    """Data that choose values, for the steps that can use them."""


def compress(job: Job) -> None:
    """Do one job. Raises: LwcError; nothing is written then."""
    started = time.monotonic()
    if job.reports:
        from lightweight_cli.report import write as report_file

        for path in job.reports:
            report_file.check_target(path)
    target = choose_target(job)
    if job.reports:
        report_file.refuse_two_on_stdout(job.reports, model=target is None)
    progress = Progress(sys.stderr, quiet=job.quiet)
    try:
        progress("reading", 0, 0)
        model = load(job.model)
        reference = load(job.against) if job.against else model
        refuse_gates(job.check, job.gates, reference)
        if target is not None and job.output is None and os.path.exists(target) and not job.force:
            refuse_others(target, model)
        steps = run_steps(model, job.steps, progress, job.calibrate)
        progress("writing", 0, 0)
        candidate, passthrough = write_smaller(model, target, any(s.changed for s in steps), may_grow(job, steps))
        try:
            report = Report(
                job.command, __version__, model.shown, candidate.shown, model.total_size, candidate.size, steps=steps,
                check_skipped=None if job.check else "--no-check", passthrough=passthrough, reference=job.against,
                check=asdict(job.check) if job.check else None)
            if job.reports:
                report.source_sha256, report.output_sha256 = model.digest, candidate.digest()
            if job.check is not None:
                frozen = () if passthrough is not None else tuple(name for step in steps for name in step.frozen)
                report.accuracy = judge_candidate(job, reference, candidate, frozen, passthrough is not None, progress)
            report.gates = held(job.gates, report.accuracy, candidate.size, same=passthrough is not None and not job.against)
            progress.close()
            if not report.gates_failed:
                candidate.publish()
        finally:
            candidate.discard()
    finally:
        progress.close()
    report.seconds = time.monotonic() - started
    for path in job.reports:
        report_file.write(report, path)
    if not job.quiet:
        from lightweight_cli.report.terminal import show

        show(report, sys.stderr)
    if report.gates_failed:
        raise GateError("; ".join(report.gates_failed) + "; no model was written")


def choose_target(job: Job) -> str | None:
    """Return the output's path, or None for standard output. Raises: UsageError, OutputError."""
    from_stdin = job.model in (None, "-")
    if from_stdin and sys.stdin is not None and sys.stdin.isatty():
        raise UsageError("MODEL is missing: name a model file, or send one through a pipe")
    to_terminal = sys.stdout is not None and sys.stdout.isatty()
    if job.output is None and to_terminal and not from_stdin:
        root, suffix = os.path.splitext(str(job.model))
        return f"{root}.{job.command}{suffix or '.onnx'}"
    if job.output in (None, "-"):
        if to_terminal:
            raise UsageError("a model is not written to a terminal: name a file with -o, or send it through a pipe")
        if sys.stdout is None:
            raise UsageError("standard output is closed: name a file with -o")
        return None
    refuse_target(str(job.output), None if from_stdin else job.model, job.force)
    return job.output


def refuse_others(target: str, model: Model) -> None:
    """Allow lwc to replace what it made of the same source before, and nothing else. Raises: UsageError."""
    try:
        old = load(target)
    except InputError as e:
        raise UsageError(f"{printable(target)}: exists and was not made by lwc; -f replaces it") from e
    if origin(old) is None or origin(old) not in (model.digest, origin(model)):
        raise UsageError(f"{printable(target)}: exists and was not made from {model.shown}; -f replaces it")


def may_grow(job: Job, steps: Sequence[StepReport]) -> bool:
    """Whether a step that makes models larger on purpose did so."""
    return any(registry.get(step.name).grows and done.changed for step, done in zip(job.steps, steps, strict=True))


def write_smaller(
    model: Model, target: str | None, changed: bool, larger: bool = False
) -> tuple[Candidate, str | None]:
    """Write the model, or the input's own bytes where that is no smaller; `larger` is allowed where meant.

    Returns: the candidate, and why the input went through unchanged, if it did.
    """
    external = model.total_size != model.file_size
    if not changed and not external:
        return copy_input(model, target), "nothing to change"
    candidate = write_candidate(model, target)
    if larger or candidate.size <= model.total_size:
        return candidate, None
    size = candidate.size
    candidate.discard()
    reason = f"the result would be larger: {size:,} bytes of {model.total_size:,}"
    if external:
        return inline_input(model, target, reason), f"{reason}; the model as it was, in one file"
    return copy_input(model, target), reason


def copy_input(model: Model, target: str | None) -> Candidate:
    """Write the input's bytes as they are."""
    candidate = Candidate(target)
    candidate.write([Payload(0, model.file_size)], [Blob(model.file_size, model.source)])
    return candidate


def inline_input(model: Model, target: str | None, reason: str) -> Candidate:
    """Write the input, which has external data, as it was read. Raises: OutputError where that is larger too."""
    candidate = write_candidate(load(model.path), target)
    if candidate.size > model.total_size:
        candidate.discard()
        raise OutputError(f"{candidate.shown}: {reason}; and tensors of the input share external data, which one file can't")
    return candidate


def judge_candidate(job: Job, reference: Model, candidate: Candidate, frozen: tuple[str, ...], same: bool, progress: Progress) -> Accuracy:
    """Compare the candidate with the original, or with --against; `frozen` inputs are missing on purpose."""
    assert job.check is not None
    same = same and not job.against
    asked = job.gates.max_load_time is not None or job.gates.max_load_memory is not None
    check = replace(job.check, frozen=frozen, latency=job.check.latency and not same, load=job.check.load and (asked or not same))
    accuracy = judged(reference, candidate, check, progress)
    if job.against:
        return accuracy
    if not same and lossless(job.steps):
        accuracy = promised(accuracy, reference, candidate, check, progress)
    return replace(accuracy, provenance=None)
