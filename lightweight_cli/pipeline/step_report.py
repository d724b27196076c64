"""What one step did to a model: counts, encodings used, and what it left alone and why."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from lightweight_cli.errors import printable

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Left:
    """A weight that a step did not change."""

    name: str
    op: str
    shape: tuple[int, ...]
    bytes: int
    reason: str


@dataclass(frozen=True)
class Changed:
    """A weight that a step stored anew."""

    name: str
    op: str
    shape: tuple[int, ...]
    encoding: str
    before: int
    after: int


class Calibrated(NamedTuple):
    """Calibration data that a step used: how many samples, of how many that the files hold."""

    samples: int
    of: int


@dataclass
class StepReport:
    """A pass with its options, and what came of it. `text` is its recipe form."""

    text: str
    changed: int = 0
    unit: str = "changes"
    left: list[Left] = field(default_factory=list)
    weights: list[Changed] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    calibrated: Calibrated | None = None
    """The data that chose its values; None: there were none, or it uses none."""
    progress: Progress | None = None
    _done: int = 0
    _total: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def leave(self, name: str, op: str, shape: tuple[int, ...], nbytes: int, reason: str) -> None:
        """Record that the weight `name` of operator `op`, which takes `nbytes`, stays as it is."""
        self.left.append(Left(printable(name), op, shape, nbytes, reason))

    def done(self, name: str, op: str, shape: tuple[int, ...], encoding: str, before: int, after: int, changed: int) -> None:
        """Record that the weight `name` is stored anew, in `after` bytes where it took `before`."""
        self.weights.append(Changed(printable(name), op, shape, encoding, before, after))
        self.changed += changed

    def note(self, text: str) -> None:
        """Record one line for the report."""
        self.notes.append(text)

    def expect(self, total: int) -> None:
        """Say how much work the step has, in elements."""
        self._done, self._total = 0, total

    def advance(self, count: int) -> None:
        """Say that `count` elements are done."""
        with self._lock:
            self._done += count
            if self.progress is not None:
                self.progress(self.text, self._done, self._total)

    def to_json(self) -> dict[str, Any]:
        """Return plain data for a report."""
        return {"step": self.text, "changed": self.changed, "unit": self.unit, "notes": self.notes,
                "calibrated": self.calibrated and self.calibrated._asdict(),
                "weights": [asdict(w) for w in self.weights], "left_alone": [asdict(w) for w in self.left]}
