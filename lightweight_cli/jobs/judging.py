"""A result held against its original: what it cost, and whether steps that lose nothing kept that promise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lightweight_cli.checking.check import Check
from lightweight_cli.errors import BrokenPromise, DataError, InputError, printable
from lightweight_cli.model.model import Model
from lightweight_cli.model.output import Candidate
from lightweight_cli.pipeline import registry
from lightweight_cli.report.progress import Progress

if TYPE_CHECKING:
    from lightweight_cli.checking.accuracy import Accuracy
    from lightweight_cli.pipeline.step_report import StepReport


def judged(reference: Model, candidate: Candidate, check: Check, progress: Progress) -> Accuracy:
    """Compare a candidate with a model. Raises: InputError, naming the model or the data; BrokenPromise."""
    from lightweight_cli.checking.judge import judge

    try:
        return judge(reference.reopened, candidate.path, check, pass_fds=(reference.source.fd, *candidate.inherited),
                     size=reference.total_size, progress=lambda stage, done, total: progress(f"check: {stage}", done, total or 0))
    except DataError as e:
        raise DataError(f"{printable(check.labels or ', '.join(check.data))}: {e}") from e
    except InputError as e:
        hint = "" if check.data else " (--no-check skips the check)"
        about_data = str(e).startswith(tuple(map(printable, check.data)))
        raise InputError(str(e) if about_data else f"{reference.shown}: {e}{hint}") from e


def lossless(steps: Sequence[StepReport]) -> bool:
    """Whether no step may change a value."""
    return not any(registry.get(step.name).lossy for step in steps)


def promised(accuracy: Accuracy, reference: Model, candidate: Candidate, check: Check, progress: Progress) -> Accuracy:
    """Return the accuracy of steps that lose nothing; where outputs differ, with a remark that it is onnxruntime's doing.

    It is where both models give the same values without its graph optimisation: it computes DequantizeLinear in front of
    some operators in 8 bits, and fuses what has the one form and not the other.
    Raises: BrokenPromise where the difference stays.
    """
    from lightweight_cli.checking.same import first_difference, told

    different = first_difference(accuracy)
    if different is None:
        return accuracy
    plain = replace(check, latency=False, load=False, level="none", labels=None, metric=None, ignore_labels=True)
    stays = first_difference(judged(reference, candidate, plain, progress))
    if stays is not None:
        raise BrokenPromise(f'the steps lose nothing, but output "{printable(stays.name)}" differs by more than rounding: {told(stays)}')
    return replace(accuracy, remarks=(
        *accuracy.remarks, f'output "{printable(different.name)}" differs ({told(different)}) by onnxruntime\'s own optimisation: '
        "without it both models give the same values"))
