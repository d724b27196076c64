"""Everything a command has to say when it is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lightweight_cli.checking.accuracy import Accuracy
    from lightweight_cli.checking.gates import GateResult
    from lightweight_cli.pipeline.step_report import StepReport

SCHEMA = 1
"""Of `Report.to_json`. Raised when a key goes or changes its meaning; a new key does not raise it."""


@dataclass
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
    """Why there is no accuracy: "--no-check"."""
    gates: list[GateResult] = field(default_factory=list)
    """Every gate that was asked for, as `gates.check` returned it."""
    passthrough: str | None = None
    """The reason why the input's bytes went through unchanged; None: they did not."""
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    reference: str | None = None
    """What the output was compared with, where that is not `source` (--against)."""

    @property
    def gates_failed(self) -> list[str]:
        """Each gate that failed, in words."""
        return [str(g) for g in self.gates if not g.passed]

    @property
    def written(self) -> bool:
        """Whether the command wrote a model."""
        return self.command != "verify" and not self.gates_failed

    @property
    def ratio(self) -> float | None:
        """Bytes before / bytes after: above 1 is smaller."""
        return self.bytes_before / self.bytes_after if self.bytes_after else None

    def to_json(self) -> dict[str, Any]:
        """Return plain data for strict JSON; no number in it is NaN or infinite.

        Keys: schema (the version of this layout), command, version, source, output, written, bytes_before,
        bytes_after, ratio, steps (each: step, changed, unit, notes, weights, left_alone), accuracy (see
        accuracy.Accuracy; null: not checked), check_skipped, reference, gates (see gates.GateResult), gates_failed
        (the failed ones in words), passthrough, seconds, notes.
        """
        return {
            "schema": SCHEMA,
            "command": self.command,
            "version": self.version,
            "source": _unicode(self.source),
            "output": _unicode(self.output),
            "written": self.written,
            "bytes_before": self.bytes_before,
            "bytes_after": self.bytes_after,
            "ratio": self.ratio,
            "steps": [s.to_json() for s in self.steps],
            "accuracy": self.accuracy and self.accuracy.to_json(),
            "check_skipped": self.check_skipped,
            "reference": self.reference and _unicode(self.reference),
            "gates": [g.to_json() for g in self.gates],
            "gates_failed": self.gates_failed,
            "passthrough": self.passthrough,
            "seconds": round(self.seconds, 3),
            "notes": list(self.notes),
        }


def _unicode(path: str) -> str:
    """Return a path with the bytes that are no UTF-8 written as escapes."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")
