"""What one step did to a model: counts, encodings used, and what it left alone and why."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lightweight_cli.checking.gates import GateResult
from lightweight_cli.errors import printable
from lightweight_cli.weights.told import NOTHING, Told

Progress = Callable[[str, int, int], None]


class Left(NamedTuple):
    """A weight that a step did not change."""

    name: str
    op: str
    shape: tuple[int, ...]
    bytes: int
    reason: str


class Changed(NamedTuple):
    """A weight that a step stored anew."""

    name: str
    op: str
    shape: tuple[int, ...]
    encoding: str
    before: int
    after: int
    stored_as: str = ""
    """The encoding in words: "4 bits, scale per block of 32"."""
    sqnr: float | None = None
    """dB, of the new values against those before the step, over a sample of them; inf: equal; None: not measured."""
    bits: float | None = None
    """Of each value, where the pass chose how many."""
    method: str = ""
    """How the values were chosen, and why where it is not as asked: "second order on data"."""
    error: float | None = None
    """Squared error of the layer's outputs on calibration rows that chose nothing, relative to their power; inf: the outputs
    were zero; None: not measured."""


class Calibrated(NamedTuple):
    """Calibration data that a step used: how many samples, of how many that the files hold."""

    samples: int
    of: int
    shared: bool = False
    """Whether the other samples of the same files judge the result."""


class Measured(NamedTuple):
    """A candidate of a search: bytes of the file, its loss, and what the rows that judge show of it."""

    nbytes: int
    loss: float
    """Squared error of the worst output over its power, of scores before the softmax."""
    holds: bool
    sentence: str
    kept: bool = False
    """It is the result."""
    firm: bool = False
    """It was built with less trust in the rows that fit."""
    nearest: bool = False
    """It was built without them."""


@dataclass(eq=False)
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
    lossy: bool = False
    """Whether the pass changes values."""
    options: dict[str, Any] = field(default_factory=dict)
    """Every option of the pass with the value that took effect, defaults too."""
    frozen: list[str] = field(default_factory=list)
    """Inputs with a default that the step made constants: callers miss them on purpose."""
    signed: str = ""
    """How the model's provenance names the step, where that is not `text`."""
    grows: bool = False
    """It may make the file larger, as its pass by itself does not."""
    plan: dict[str, Any] | None = None
    """Options that give the same result again without a search; None: those it was given do."""
    front: list[Measured] = field(default_factory=list)
    """Of a search: the candidates that were built and measured."""
    goals: list[GateResult] = field(default_factory=list)
    """Of a search: what it was to hold, and whether it did."""
    exact: bool = False
    """The result goes to processors on which its integers don't overflow, as they do on this one."""
    progress: Progress | None = None
    _done: int = 0
    _total: int = 0
    _shown: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        """The pass."""
        return self.text.partition(":")[0]

    @property
    def defaults(self) -> dict[str, Any]:
        """The options that steer and that `text` does not name."""
        given = {item.partition("=")[0] for item in self.text.partition(":")[2].split(",")}
        named = {k.rstrip("_"): v for k, v in self.options.items()}
        return {k: v for k, v in named.items() if k not in given and v is not None and v is not False and v != ()}

    def settle(self, **options: Any) -> None:
        """Note what took effect where the default was to decide by the model or by other options."""
        self.options.update(options)

    @property
    def modified(self) -> bool:
        """Whether the model became another: something changed, or weights are stored anew with the values they had."""
        return bool(self.changed or self.weights)

    def leave(self, name: str, op: str, shape: tuple[int, ...], nbytes: int, reason: str) -> None:
        """Record that the weight `name` of operator `op`, which takes `nbytes`, stays as it is."""
        self.left.append(Left(printable(name), op, shape, nbytes, reason))

    def done(self, name: str, op: str, shape: tuple[int, ...], encoding: str, before: int, after: int, changed: int,
             stored_as: str = "", sqnr: float | None = None, told: Told = NOTHING) -> None:
        """Record that the weight `name` is stored anew, in `after` bytes where it took `before`."""
        self.weights.append(Changed(printable(name), op, shape, encoding, before, after, stored_as or encoding, sqnr, *told))
        self.changed += changed

    def note(self, text: str) -> None:
        """Record one line for the report."""
        self.notes.append(text)

    def expect(self, total: int, stage: str = "") -> None:
        """Say how much work the step has, or a stage of it, in elements."""
        self._done, self._total, self._shown = 0, total, f"{self.text}  {stage}" if stage else self.text
        if self.progress is not None:
            self.progress(self._shown, 0, total)

    def stage(self, what: str, done: int, whole: int) -> None:
        """Say how far a stage is, in elements, where stages begin anew."""
        if self.progress is not None:
            self.progress(f"{self.text}  {what}", done, whole)

    def advance(self, count: int) -> None:
        """Say that `count` elements are done."""
        with self._lock:
            self._done += count
            if self.progress is not None:
                self.progress(self._shown, self._done, self._total)

    def to_json(self) -> dict[str, Any]:
        """Return plain data for a report."""
        weights = [_plain(w._asdict()) for w in self.weights]
        options = {k.rstrip("_"): list(v) if isinstance(v, tuple) else v for k, v in self.options.items()}
        return {"step": self.text, "pass": self.name, "options": options, "changed": self.changed, "unit": self.unit, "notes": self.notes,
                "calibrated": self.calibrated and self.calibrated._asdict(),
                "front": [_plain(m._asdict()) for m in self.front],
                "weights": weights, "left_alone": [w._asdict() for w in self.left]}


def _plain(figures: dict[str, Any]) -> dict[str, Any]:
    """Return a record in which numbers that are not finite are text, as strict JSON wants them."""
    return {k: str(v) if isinstance(v, float) and not math.isfinite(v) else v for k, v in figures.items()}
