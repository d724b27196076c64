"""From a model after its steps to a published file, or to the gates that forbid it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from lightweight_cli.checking.check import Check
from lightweight_cli.checking.gates import Gates
from lightweight_cli.checking.gates import check as held
from lightweight_cli.jobs.judging import judged, lossless, promised
from lightweight_cli.jobs.smaller import may_grow, write_smaller
from lightweight_cli.model.model import Model
from lightweight_cli.model.output import Candidate
from lightweight_cli.report.model import Report
from lightweight_cli.report.progress import Progress

if TYPE_CHECKING:
    from lightweight_cli.checking.accuracy import Accuracy
    from lightweight_cli.pipeline.step_report import StepReport
    from lightweight_cli.targets.target import Target


@dataclass(eq=False, repr=False)
class Work:
    """A model after its steps, and what it must hold before it is published."""

    command: str
    version: str
    """Of lwc."""
    model: Model
    steps: Sequence[StepReport]
    check: Check | None
    gates: Gates
    reference: Model | None = None
    """What the result is compared with, where that is not the model the steps were applied to (--against)."""
    against: str | None = None
    """Its name."""
    skipped: str = "--no-check"
    """What left the check out, where there is none."""
    best_effort: bool = False
    """Publish where a gate fails, too."""
    place: Target | None = None
    """Where the model goes; None: nobody said."""


def finish(work: Work, target: str | None, progress: Progress, *, hashes: bool = False, publish: bool = True) -> Report:
    """Write, check, hold against the gates, and publish where they hold: at `target`, None being standard output.

    Raises: LwcError; nothing is written then, nor where `gates_failed` of the report names one.
    """
    model, steps = work.model, work.steps
    progress("writing", 0, 0)
    candidate, passthrough = write_smaller(model, target, any(s.modified for s in steps), may_grow(steps))
    notes = [f"for --target {work.place}: what it does not take is not in it"] if work.place is not None else []
    if work.place is not None and work.place.file == "ort":
        from lightweight_cli.jobs.ort_file import converted, told

        candidate, passthrough = converted(candidate, target), None
        notes += told(candidate, model.total_size)
    try:
        report = Report(
            work.command, work.version, model.shown, candidate.shown, model.total_size, candidate.size, steps=list(steps),
            check_skipped=None if work.check else work.skipped, best_effort=work.best_effort,
            passthrough=passthrough, reference=work.against, notes=notes, place=str(work.place) if work.place is not None else None,
            check=asdict(work.check) if work.check else None)
        if hashes:
            report.source_sha256, report.output_sha256 = model.digest, candidate.digest()
        same = passthrough is not None and not work.against
        if work.check is not None:
            frozen = () if passthrough is not None else tuple(name for step in steps for name in step.frozen)
            report.accuracy = judge_candidate(work, candidate, frozen, same, progress)
        report.gates = [*(goal for step in steps for goal in step.goals), *held(work.gates, report.accuracy, candidate.size, same=same)]
        progress.close()
        if publish and (work.best_effort or not report.gates_failed):
            candidate.publish()
    finally:
        candidate.discard()
    return report


def judge_candidate(work: Work, candidate: Candidate, frozen: tuple[str, ...], same: bool, progress: Progress) -> Accuracy:
    """Compare the candidate with the original, or with --against; `frozen` inputs are missing on purpose."""
    assert work.check is not None
    reference = work.reference or work.model
    asked = work.gates.max_load_time is not None or work.gates.max_load_memory is not None
    check = replace(work.check, frozen=frozen, exact=any(s.exact for s in work.steps),
                    latency=work.check.latency and not same, load=work.check.load and (asked or not same))
    accuracy = judged(reference, candidate, check, progress)
    if work.against:
        return accuracy
    if not same and lossless(work.steps):
        accuracy = promised(accuracy, reference, candidate, check, progress)
    return replace(accuracy, provenance=None)
