"""The child's side of a conversation: limits on itself, requests on stdin, answers on a pipe of its own."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import queue
import signal
import sys
import threading
import traceback
from typing import Any

from lightweight_cli.errors import LwcError, printable
from lightweight_cli.runtime.confined import confine
from lightweight_cli.runtime.exchange import Exchange
from lightweight_cli.runtime.importing import importing


def main(target: str, answer: int, exchange: int) -> None:
    """Serve requests from stdin with what `target`, "module:factory", makes; write lines of JSON to the descriptor `answer`."""
    confine()
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests,), daemon=True).start()
    shared = Exchange(exchange)
    for fd in (answer, exchange):
        os.set_inheritable(fd, False)
    # A reader's print goes where people look, never into our output.
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    with os.fdopen(answer, "w", encoding="utf-8") as pipe, contextlib.suppress(BrokenPipeError):
        def say(**message: Any) -> None:
            pipe.write(json.dumps(message, allow_nan=False) + "\n")
            pipe.flush()

        handler = None
        while True:
            request = json.loads(requests.get())
            try:
                if handler is None:
                    module, _, factory = target.partition(":")
                    with importing():
                        handler = getattr(importlib.import_module(module), factory)()
                result, arrays = handler(request["request"], shared.read(request["arrays"]), lambda *stage: say(stage=stage))
                say(result=result, arrays=shared.write(arrays))
            except LwcError as error:
                say(error=type(error).__name__, message=str(error))
            except Exception as error:
                say(error=type(error).__name__, message=printable(error, 300), trace=traceback.format_exc())
    # Libraries have threads and destructors of their own, which are not worth waiting for.
    os._exit(0)


def _read(requests: queue.SimpleQueue[bytes]) -> None:
    """Hand on the lines of stdin; when the parent's end is closed, end with everything started from here."""
    for line in sys.stdin.buffer:
        requests.put(line)
    os.killpg(0, signal.SIGKILL)
