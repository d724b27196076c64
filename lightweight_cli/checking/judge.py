"""The check in a process of its own: onnxruntime may crash, hang or fill the memory on a hostile model."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, NoReturn

import numpy as np

from lightweight_cli.checking.accuracy import Accuracy
from lightweight_cli.checking.check import Check
from lightweight_cli.errors import BrokenPromise, InputError, LwcError
from lightweight_cli.runtime import load_cost
from lightweight_cli.runtime.child import Child, Crash, Overrun, Progress

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
    """Compare two model files in a child process, which ends with this one.

    Paths may name inherited descriptors (/dev/fd/7) that `pass_fds` lists. `size`: bytes of the original
    with its external data, where the caller knows; large models get more time. `progress` hears of the stages
    reference load, data, reference run, candidate load, candidate run and latency, in batches, and load cost, in loads.
    Returns: what the change cost.
    Raises: InputError for the reference or the data; BrokenPromise for the candidate; UsageError
        for an unknown metric.
    """
    size = size or _bytes_of(reference)
    # What a user's own reader prints belongs to people; what a crashing library prints belongs to no one.
    chatter = any(":" in d for d in check.data)
    request = {"reference": reference, "candidate": candidate, "check": asdict(check)}
    try:
        with Child("lightweight_cli.checking.judge:Judge", pass_fds=pass_fds, chatter=chatter,
                   limit=lambda stage: _limit(check, stage, size)) as child:
            accuracy = Accuracy.from_json(child.ask(request, progress=progress)[0])
    except Overrun as e:
        raise _error(e.stage)(f"{_what(e.stage)}: still running after {e.limit:g} s") from e
    except Crash as e:
        _crashed(e)
    return with_load(accuracy, reference, candidate, check, size, pass_fds, progress) if check.load else accuracy


def with_load(accuracy: Accuracy, reference: str, candidate: str, check: Check, size: int, pass_fds: Sequence[int],
              progress: Progress | None) -> Accuracy:
    """Add what loading both models takes, now that neither is in memory any more."""
    cost = load_cost.measure(reference, candidate, threads=check.threads, size=size + _bytes_of(candidate), pass_fds=pass_fds,
                             limit=_limit(check, "load cost", size), progress=progress)
    return replace(accuracy, load_skipped=cost) if isinstance(cost, str) else replace(accuracy, load=cost)


class Judge:
    """The child's side: verifies in its own process."""

    def __call__(self, request: dict[str, Any], arrays: Mapping[str, np.ndarray], tell: Progress) -> tuple[Any, dict[str, np.ndarray]]:
        """Answer one request of `judge`."""
        from lightweight_cli.checking.verify import verify

        check = request["check"]
        return verify(request["reference"], request["candidate"], check["data"] or None, check["labels"], check["metric"],
                      latency=check["latency"], seed=check["seed"], batch_size=check["batch_size"],
                      threads=check["threads"], role=check["role"], samples=check["samples"], half=check["half"],
                      share=check["share"], frozen=check["frozen"],
                      budget=check["budget"], ignore_labels=check["ignore_labels"], level=check["level"], progress=tell).to_json(), {}


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
