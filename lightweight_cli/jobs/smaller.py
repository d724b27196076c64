"""The file that is written: the result, or the input's own bytes where the result is no smaller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lightweight_cli.errors import OutputError
from lightweight_cli.model.blobs import Blob
from lightweight_cli.model.load import load
from lightweight_cli.model.model import Model
from lightweight_cli.model.output import Candidate
from lightweight_cli.model.output_external import write_candidate
from lightweight_cli.model.wire import Payload
from lightweight_cli.pipeline import registry

if TYPE_CHECKING:
    from lightweight_cli.pipeline.step_report import StepReport


def may_grow(steps: Sequence[StepReport]) -> bool:
    """Whether a step that makes models larger on purpose did so."""
    return any((step.grows or registry.get(step.name).grows) and step.changed for step in steps)


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
