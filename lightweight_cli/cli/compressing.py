"""What every compressing command does: read, apply the steps, write, check, and only then publish."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lightweight_cli.checking.check import Check
from lightweight_cli.checking.gates import Gates
from lightweight_cli.errors import GateError, InputError, UsageError, printable
from lightweight_cli.jobs.beforehand import labelled, refuse_gates, refuse_versions
from lightweight_cli.jobs.finish import Work, finish
from lightweight_cli.jobs.version import __version__
from lightweight_cli.model.load import load
from lightweight_cli.model.model import Model
from lightweight_cli.model.output import refuse_target
from lightweight_cli.model.provenance import origin
from lightweight_cli.pipeline.recipe import Step
from lightweight_cli.pipeline.run import run_steps, searches
from lightweight_cli.report.progress import Progress

if TYPE_CHECKING:
    from lightweight_cli.data.portion import Portion
    from lightweight_cli.pipeline.wanted import Wanted
    from lightweight_cli.targets.target import Target


@dataclass(eq=False, repr=False)
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
    wanted: Wanted | None = None
    """What steps that search are to hold, and the data that tell."""
    best_effort: bool = False
    """Publish the result where a gate fails, too."""
    save_recipe: str | None = None
    place: Target | None = None
    """Where the result goes; None: nobody said."""


def compress(job: Job) -> None:
    """Do one job. Raises: LwcError; nothing is written then."""
    started = time.monotonic()
    if job.reports:
        from lightweight_cli.report import write as report_file

        for path in job.reports:
            report_file.check_target(path)
    target = choose_target(job)
    if job.place is not None and job.place.file == "ort":
        from lightweight_cli.jobs.ort_file import refuse_name

        refuse_name(target, job.force or job.output is None)
    if job.reports:
        report_file.refuse_two_on_stdout(job.reports, model=target is None)
    if job.save_recipe is not None:
        from lightweight_cli.cli.saving import check_folder

        check_folder(job.save_recipe)
    progress = Progress(sys.stderr, quiet=job.quiet)
    try:
        progress("reading", 0, 0)
        model = load(job.model)
        reference = load(job.against) if job.against else model
        gates = job.gates
        searching = job.wanted is not None and any(searches(step) for step in job.steps)
        if searching and job.check is not None and not labelled(job.check, reference):
            gates = replace(gates, max_drop=None, confident=False)  # the search holds what is to be expected
        refuse_gates(job.check, gates, reference)
        if job.place is not None:
            refuse_versions(job.place, model, model.shown)
        if target is not None and job.output is None and os.path.exists(target) and not job.force:
            refuse_others(target, model)
        steps = run_steps(model, job.steps, progress, job.calibrate, job.wanted, job.place)
        if job.place is not None:
            refuse_versions(job.place, model, "the result")
        work = Work(job.command, __version__, model, steps, job.check, gates, reference if job.against else None, job.against,
                    best_effort=job.best_effort, place=job.place)
        report = finish(work, target, progress, hashes=bool(job.reports))
    finally:
        progress.close()
    report.seconds = time.monotonic() - started
    for path in job.reports:
        report_file.write(report, path)
    if not job.quiet:
        from lightweight_cli.report.terminal import show

        show(report, sys.stderr)
    if job.save_recipe is not None and (job.best_effort or not report.gates_failed):
        from lightweight_cli.cli.saving import save

        save(job.save_recipe, job.steps, steps, job.check, job.gates, job.place)
    if report.gates_failed and not job.best_effort:
        raise GateError("; ".join(report.gates_failed) + "; no model was written")


def choose_target(job: Job) -> str | None:
    """Return the output's path, or None for standard output. Raises: UsageError, OutputError."""
    from_stdin = job.model in (None, "-")
    if from_stdin and sys.stdin is not None and sys.stdin.isatty():
        raise UsageError("MODEL is missing: name a model file, or send one through a pipe")
    to_terminal = sys.stdout is not None and sys.stdout.isatty()
    if job.output is None and to_terminal and not from_stdin:
        root, suffix = os.path.splitext(str(job.model))
        if job.place is not None and job.place.file == "ort":
            suffix = ".ort"
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
