"""The check in a process of its own: onnxruntime may crash, hang or fill the memory on a hostile model."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from lightweight_cli.checking.accuracy import Accuracy
from lightweight_cli.checking.check import Check
from lightweight_cli.errors import BrokenPromise, InputError, LwcError
from lightweight_cli.runtime import load_cost
from lightweight_cli.runtime.child import Child, Crash, Overrun, Progress

if TYPE_CHECKING:
    from lightweight_cli.checking.original import Original

DEFAULT = Check()
UNLIMITED = ("data", "reference run", "candidate run")
"""Stages that take as long as they take when the data is the user's own."""
BYTES_A_SECOND = 10e6
"""A stage may take a second longer for each so many bytes of the original model."""
PATIENT = 4
"""How many time limits are granted where several runs make up a stage, or none: latency, and the child's start."""
DOING = {"load": "loading", "run": "running"}
WHO = {"reference": "the original model", "candidate": "the result"}


def judge(reference: str, candidate: str, check: Check = DEFAULT, *, pass_fds: Sequence[int] = (), size: int = 0,
          progress: Progress | None = None) -> Accuracy:
    """Compare two model files in a child process, which ends with this one; arguments and errors as of `Bench`."""
    with Bench(reference, check, pass_fds=pass_fds, size=size, progress=progress) as bench:
        return bench.judge(candidate)


class Bench:
    """Results compared with one original in a child process, which runs the original once for all of them.

    Paths may name inherited descriptors (/dev/fd/7) that `pass_fds` lists. `size`: bytes of the original
    with its external data, where the caller knows; large models get more time. `progress` hears of the stages
    reference load, data, reference run, candidate load, candidate run and latency, in batches, and load cost, in loads.
    """

    def __init__(self, reference: str, check: Check = DEFAULT, *, pass_fds: Sequence[int] = (), size: int = 0,
                 progress: Progress | None = None) -> None:
        self.reference, self.check, self.pass_fds, self.progress = reference, check, pass_fds, progress
        self.size = size or _bytes_of(reference)
        self.child: Child | None = None

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        child, self.child = self.child, None
        if child is not None:
            child.__exit__()

    def judge(self, candidate: str) -> Accuracy:
        """Compare one result; after one that broke the child, a new child runs the original again.

        Returns: what the change cost.
        Raises: InputError for the reference or the data; BrokenPromise for the candidate; UsageError
            for an unknown metric.
        """
        # What a user's own reader prints belongs to people; what a crashing library prints belongs to no one.
        chatter = any(":" in d for d in self.check.data)
        request = {"reference": self.reference, "candidate": candidate, "check": asdict(self.check)}
        try:
            if self.child is None:
                self.child = Child("lightweight_cli.checking.judge:Judge", pass_fds=self.pass_fds, chatter=chatter,
                                   limit=lambda stage: _limit(self.check, stage, self.size))
            accuracy = Accuracy.from_json(self.child.ask(request, progress=self.progress)[0])
        except Overrun as e:
            self._end()
            raise _error(e.stage)(f"{_what(e.stage)}: still running after {e.limit:g} s") from e
        except Crash as e:
            self._end()
            _crashed(e)
        return self._with_load(accuracy, candidate) if self.check.load else accuracy

    def _with_load(self, accuracy: Accuracy, candidate: str) -> Accuracy:
        """Add what loading both models takes, now that neither is in memory any more."""
        cost = load_cost.measure(self.reference, candidate, threads=self.check.threads, size=self.size + _bytes_of(candidate),
                                 pass_fds=self.pass_fds, limit=_limit(self.check, "load cost", self.size), progress=self.progress)
        return replace(accuracy, load_skipped=cost) if isinstance(cost, str) else replace(accuracy, load=cost)


class Judge:
    """The child's side: runs the original at the first request, and compares in its own process."""

    def __init__(self) -> None:
        self.original: Original | None = None

    def __call__(self, request: dict[str, Any], arrays: Mapping[str, np.ndarray], tell: Progress) -> tuple[Any, dict[str, np.ndarray]]:
        """Answer one request of `Bench.judge`: all of one bench have the same original and check."""
        from lightweight_cli.checking.original import Original

        check = request["check"]
        if self.original is None:
            names = ("seed", "batch_size", "threads", "role", "samples", "half", "share", "frozen", "budget", "ignore_labels", "level",
                     "exact")
            self.original = Original(request["reference"], check["data"] or None, check["labels"], check["metric"],
                                     **{name: check[name] for name in names}, progress=tell)
        return self.original.compare(request["candidate"], latency=check["latency"], progress=tell).to_json(), {}


def _bytes_of(path: str) -> int:
    """Return the bytes of a model file; 0 where the child is about to say that there is none."""
    try:
        return os.path.getsize(path)
    except OSError:
        return 0


def _limit(check: Check, stage: str, size: int) -> float | None:
    """Return the seconds a stage may take for a model of `size` bytes; None: as long as it takes."""
    if check.time_limit is None or (check.data and stage in UNLIMITED):
        return None
    return check.time_limit * (PATIENT if stage in ("start", "latency") else 1) + size // BYTES_A_SECOND


def _error(stage: str) -> type[LwcError]:
    """Return whose fault a stage's failure is: everything after the reference has run is the candidate's."""
    return BrokenPromise if stage.startswith(("candidate", "latency")) else InputError


def _what(stage: str) -> str:
    who, _, doing = stage.partition(" ")
    return f"{DOING[doing]} {WHO[who]} in onnxruntime" if who in WHO else f"the check ({stage})"


def _crashed(crash: Crash) -> NoReturn:
    """Raise for a child that ended without an answer."""
    code, stage = crash.code, crash.stage
    if code >= 0:
        raise LwcError(f"{_what(stage)} ended with exit code {code} and without an answer") from crash
    name = signal.Signals(-code).name
    how = "was killed (SIGKILL), probably for lack of memory," if name == "SIGKILL" else f"crashed ({name})"
    what = _what(stage).removesuffix(" in onnxruntime")
    raise _error(stage)(f"onnxruntime {how} while {what}" if stage != "start" else f"the check {how} at its start") from crash
