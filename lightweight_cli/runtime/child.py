"""A function in a process of its own, which what it runs may crash, hang or fill with memory: onnxruntime on a hostile model."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from lightweight_cli import errors
from lightweight_cli.errors import LwcError
from lightweight_cli.runtime.confined import killed_in_the_end
from lightweight_cli.runtime.exchange import Exchange
from lightweight_cli.runtime.import_path import import_path
from lightweight_cli.runtime.patience import Patience

BOOT = ("import sys; target, answer, exchange, sys.path[:] = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]; "
        "from lightweight_cli.runtime.serve import main; main(target, answer, exchange)")

Progress = Callable[[str, int, "int | None"], None]
"""Called with a stage, what is done in it, and how much that will be where known."""
Limit = Callable[[str], "float | None"]
"""The seconds that a stage may stay without a sign of life, as patience counts them; None: as long as it takes."""


class Overrun(Exception):
    """A stage took longer than its limit."""

    def __init__(self, stage: str, limit: float) -> None:
        super().__init__(f"{stage}: still running after {limit:g} s")
        self.stage, self.limit = stage, limit


class Crash(Exception):
    """The child ended without an answer: with an exit code, or by a signal (negative)."""

    def __init__(self, stage: str, code: int) -> None:
        super().__init__(f"{stage}: ended with {code}")
        self.stage, self.code = stage, code


class Child:
    """A confined process that answers requests, one after the other, until the block is left.

    `target` is "module:factory"; what the factory returns is called in the child with (request, arrays, tell) and returns
    (result, arrays), the request and result being plain data for JSON. `chatter`: what the child prints goes to stderr. `what`: its work
    in words, for errors.
    """

    def __init__(self, target: str, *, pass_fds: Sequence[int] = (), limit: Limit = lambda stage: None, chatter: bool = False,
                 what: str = "the check") -> None:
        self.limit, self.stage, self.what = limit, "start", what
        self._end = contextlib.ExitStack()
        with self._end as stack:
            self._file = stack.enter_context(tempfile.TemporaryFile(prefix="lwc-"))  # noqa: SIM115  left with the block
            self.exchange = Exchange(self._file.fileno())
            reading, writing = os.pipe()
            stack.callback(os.close, reading)
            try:
                words = [sys.executable, "-I", "-c", BOOT, target, str(writing), str(self._file.fileno()), *import_path()]
                self.process = subprocess.Popen(
                    words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=None if chatter else subprocess.DEVNULL,
                    pass_fds=(writing, self._file.fileno(), *pass_fds), start_new_session=True)
            finally:
                os.close(writing)
            stack.enter_context(killed_in_the_end(self.process))
            self.pipe, self._said = reading, b""
            self._end = stack.pop_all()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self._end.close()

    def ask(self, request: Any, arrays: Mapping[str, np.ndarray] | None = None,
            progress: Progress | None = None) -> tuple[Any, dict[str, np.ndarray]]:
        """Send a request and wait for its answer: a result and arrays.

        Raises: the LwcError that was raised in the child; Overrun; Crash.
        """
        line = json.dumps({"request": request, "arrays": self.exchange.write(arrays or {})}).encode() + b"\n"
        with contextlib.suppress(BrokenPipeError):
            assert self.process.stdin is not None
            self.process.stdin.write(line)
            self.process.stdin.flush()
        for message in self._messages():
            if "stage" in message:
                if progress:
                    progress(*message["stage"])
            elif "result" in message:
                return message["result"], self.exchange.read(message["arrays"])
            else:
                _raise(message, self.what)
        raise Crash(self.stage, self.process.wait())

    def _messages(self) -> Iterator[dict[str, Any]]:
        """Yield what the child says, until it ends. Raises: Overrun."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.pipe, selectors.EVENT_READ)
            patience = Patience(self.process.pid)
            while True:
                limit = self.limit(self.stage)
                left = None if limit is None else patience.left(limit)
                if limit is not None and left == 0:
                    raise Overrun(self.stage, limit)
                if not selector.select(left):
                    continue
                block = os.read(self.pipe, 1 << 16)
                if not block:
                    return
                *lines, self._said = (self._said + block).split(b"\n")
                for line in lines:
                    patience.renew()
                    message = json.loads(line)
                    self.stage = message.get("stage", [self.stage])[0]
                    yield message


def _raise(message: dict[str, Any], what: str) -> NoReturn:
    """Raise here what was raised in the child."""
    kind = getattr(errors, message["error"], None)
    if isinstance(kind, type) and issubclass(kind, LwcError):
        raise kind(message["message"])
    raise LwcError(f"{what} failed: {message['error']}: {message['message']}") from RuntimeError(message["trace"])
