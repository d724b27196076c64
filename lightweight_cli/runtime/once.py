"""onnxruntime at one task in a process of its own: on a hostile model it may crash, hang or fill the memory."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

from lightweight_cli.runtime.confined import killed_in_the_end
from lightweight_cli.runtime.import_path import import_path
from lightweight_cli.runtime.patience import communicate


class Ended(NamedTuple):
    """What came of it."""

    said: str
    """On standard output, and on standard error where that was asked for too."""
    code: int = 0
    failed: str = ""
    """Why it did not end by itself, in one line."""


def run_once(boot: str, arguments: Sequence[str], doing: str, limit: float, errors: bool = False) -> Ended:
    """Run the program `boot` with `arguments` and the import path behind them, for `limit` seconds at most, as patience counts them.

    `doing`: what onnxruntime does there, as in "converting"; `errors`: what it says on standard error counts too.
    """
    command = [sys.executable, "-I", "-c", boot, *arguments, *import_path()]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT if errors else subprocess.DEVNULL, start_new_session=True)
    with killed_in_the_end(child):
        said = communicate(child, limit)
        if said is None:
            return Ended("", failed=f"onnxruntime was still {doing} after {limit:.3g} s")
    if child.returncode < 0:
        return Ended("", child.returncode, f"onnxruntime ended with {signal.Signals(-child.returncode).name} while {doing}")
    return Ended(said.decode("utf-8", "replace").strip(), child.returncode)
