"""The check in a process of its own: onnxruntime may crash, hang or fill the memory on a hostile model."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, NoReturn

from lightweight_cli import errors
from lightweight_cli.accuracy import Accuracy
from lightweight_cli.check import Check
from lightweight_cli.confined import import_path, killed_in_the_end
from lightweight_cli.errors import BrokenPromise, InputError, LwcError

DEFAULT = Check()
UNLIMITED = ("data", "reference run", "candidate run")
"""Stages that take as long as they take when the data is the user's own."""
BYTES_A_SECOND = 10e6
"""A stage may take a second longer for each so many bytes of the original model."""
PATIENT = 4
"""How many time limits are granted where several runs make up a stage, or none: latency, and the child's start."""
BOOT = ("import sys, json; n, sys.path[:] = int(sys.argv[1]), sys.argv[2:]; "
        "from lightweight_cli.judge_child import main; main(n)")
DOING = {"load": "loading", "run": "running"}
WHO = {"reference": "the original model", "candidate": "the result"}


Progress = Callable[[str, int, "int | None"], None]
"""Called with the stage (reference load, data, reference run, candidate load, candidate run, latency), the
batches done in it, and their number where known."""


def judge(reference: str, candidate: str, check: Check = DEFAULT, *, pass_fds: Sequence[int] = (), size: int = 0,
          progress: Progress | None = None) -> Accuracy:
    """Compare two model files in a child process, which ends with this one.

    Paths may name inherited descriptors (/dev/fd/7) that `pass_fds` lists. `size`: bytes of the original
    with its external data, where the caller knows; large models get more time.
    Returns: what the change cost.
    Raises: InputError for the reference or the data; BrokenPromise for the candidate; UsageError
        for an unknown metric.
    """
    reading, writing = os.pipe()
    # What a user's own reader prints belongs to people; what a crashing library prints belongs to no one.
    chatter = None if any(":" in d for d in check.data) else subprocess.DEVNULL
    try:
        command = [sys.executable, "-I", "-c", BOOT, str(writing), *import_path()]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=chatter,
                                 pass_fds=(writing, *pass_fds), start_new_session=True)
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    with killed_in_the_end(child), os.fdopen(reading, "rb", buffering=0) as pipe:
        request = {"reference": reference, "candidate": candidate, "check": asdict(check)}
        with contextlib.suppress(BrokenPipeError):
            assert child.stdin is not None
            child.stdin.write(json.dumps(request).encode() + b"\n")
            child.stdin.flush()
        stage = "start"
        for message in _messages(pipe, check, size or _bytes_of(reference)):
            if "stage" in message:
                stage, done, total = message["stage"]
                if progress:
                    progress(stage, done, total)
            elif "result" in message:
                return Accuracy.from_json(message["result"])
            else:
                _raise(message)
        _crashed(child.wait(), stage)


def _messages(pipe: Any, check: Check, size: int) -> Iterator[dict[str, Any]]:
    """Yield what the child says, until it ends.

    Raises: InputError or BrokenPromise when a stage that has a time limit takes longer.
    """
    said, stage = b"", "start"
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        since = time.monotonic()
        while True:
            limit = _limit(check, stage, size)
            left = None if limit is None else since + limit - time.monotonic()
            if left is not None and left <= 0:
                raise _error(stage)(f"{_what(stage)}: still running after {limit:g} s")
            if not selector.select(left):
                continue
            block = os.read(pipe.fileno(), 1 << 16)
            if not block:
                return
            said += block
            *lines, said = said.split(b"\n")
            for line in lines:
                since, message = time.monotonic(), json.loads(line)
                stage = message.get("stage", [stage])[0]
                yield message


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


def _crashed(code: int, stage: str) -> NoReturn:
    """Raise for a child that ended without an answer."""
    if code >= 0:
        raise LwcError(f"{_what(stage)} ended with exit code {code} and without an answer")
    name = signal.Signals(-code).name
    how = "was killed (SIGKILL), probably for lack of memory," if name == "SIGKILL" else f"crashed ({name})"
    what = _what(stage).removesuffix(" in onnxruntime")
    raise _error(stage)(f"onnxruntime {how} while {what}" if stage != "start" else f"the check {how} at its start")


def _raise(message: dict[str, Any]) -> NoReturn:
    """Raise here what was raised in the child."""
    kind = getattr(errors, message["error"], None)
    if isinstance(kind, type) and issubclass(kind, LwcError):
        raise kind(message["message"])
    raise LwcError(f"the check failed: {message['error']}: {message['message']}") from RuntimeError(message["trace"])
