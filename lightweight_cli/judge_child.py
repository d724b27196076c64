"""The child's side of a check: limits on itself, a request on stdin, the answer on a pipe."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import traceback
from typing import Any

from lightweight_cli.confined import confine
from lightweight_cli.errors import LwcError, printable


def main(answer: int) -> None:
    """Serve one request from stdin; write lines of JSON to the descriptor `answer`."""
    confine()
    request = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.set_inheritable(answer, False)
    # A reader's print goes where people look, never into our output.
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    with os.fdopen(answer, "w", encoding="utf-8") as pipe, contextlib.suppress(BrokenPipeError):
        def say(**message: Any) -> None:
            pipe.write(json.dumps(message, allow_nan=False) + "\n")
            pipe.flush()

        try:
            say(result=_verify(request, lambda *stage: say(stage=stage)))
        except LwcError as error:
            say(error=type(error).__name__, message=str(error))
        except Exception as error:
            say(error=type(error).__name__, message=printable(error, 300), trace=traceback.format_exc())
    # Libraries have threads and destructors of their own, which are not worth waiting for.
    os._exit(0)


def _verify(request: dict[str, Any], progress: Any) -> dict[str, Any]:
    from lightweight_cli.verify import verify

    check = request["check"]
    return verify(request["reference"], request["candidate"], check["data"] or None, check["labels"], check["metric"],
                  latency=check["latency"], seed=check["seed"], batch_size=check["batch_size"],
                  threads=check["threads"], progress=progress).to_json()


def _end_with_parent() -> None:
    """Wait until the parent's end of stdin is closed, then end with everything started from here."""
    while os.read(0, 4096):
        continue
    os.killpg(0, signal.SIGKILL)
