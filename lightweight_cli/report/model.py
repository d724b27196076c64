"""Everything a command has to say when it is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lightweight_cli.report.sizes import human

if TYPE_CHECKING:
    from lightweight_cli.checking.accuracy import Accuracy
    from lightweight_cli.checking.gates import GateResult
    from lightweight_cli.pipeline.step_report import StepReport

STATUS = ("written", "unchanged", "verified", "rejected")
"""The result was written; the input's bytes went through; two models were compared, and the gates hold; a gate failed."""


@dataclass(eq=False, repr=False)
class Report:
    """The outcome of a compressing command, or of `lwc verify`."""

    command: str
    version: str
    """Of lwc."""
    source: str
    """The model read: a path, or "standard input"."""
    output: str
    """The model made (verify: the candidate): a path, or "standard output"."""
    bytes_before: int
    """External data included."""
    bytes_after: int
    steps: list[StepReport] = field(default_factory=list)
    accuracy: Accuracy | None = None
    check_skipped: str | None = None
    """Why there is no accuracy: "--no-check"; verify: what the candidate breaks."""
    gates: list[GateResult] = field(default_factory=list)
    """Every gate that was asked for, as `gates.check` returned it."""
    best_effort: bool = False
    """Whether the result is written where a gate fails, too."""
    passthrough: str | None = None
    """The reason why the input's bytes went through unchanged; None: they did not."""
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    reference: str | None = None
    """What the output was compared with, where that is not `source` (--against)."""
    check: dict[str, Any] | None = None
    """Every option of the check with its value; None: not checked."""
    source_sha256: str | None = None
    """Of the model file, without external data; None: nobody asked for a report."""
    output_sha256: str | None = None
    place: str | None = None
    """The target it was made for, with the oldest onnxruntime that was asked for; None: nobody said."""

    def __repr__(self) -> str:
        return f"<Report: {self.status}, {self.source} {human(self.bytes_before)} -> {self.output} {human(self.bytes_after)}>"

    @property
    def gates_failed(self) -> list[str]:
        """Each gate that failed, in words."""
        return [str(g) for g in self.gates if not g.passed]

    @property
    def status(self) -> str:
        """What became of it: one of STATUS."""
        if (self.gates_failed and not self.best_effort) or (self.command == "verify" and self.check_skipped is not None):
            return "rejected"
        return "verified" if self.command == "verify" else "written" if self.passthrough is None else "unchanged"

    @property
    def ratio(self) -> float | None:
        """Bytes before / bytes after: above 1 is smaller."""
        return self.bytes_before / self.bytes_after if self.bytes_after else None
