"""A line on a terminal that says how far the work is."""

from __future__ import annotations

import io
import os
import threading
import time
from types import ModuleType
from typing import TextIO

PATIENCE = 1.0
"""Seconds of work before anything is drawn."""
INTERVAL = 0.1
"""Seconds between two drawings."""
BAR = 24
"""Cells of the bar."""


class Progress:
    """Call it from any thread with a text, what is done, and the total if known; `close` clears the line."""

    def __init__(self, stream: TextIO | None, quiet: bool = False) -> None:
        self._stream = io.StringIO() if stream is None else stream  # None: standard error is closed
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._next = self._started + PATIENCE
        self._drawn = False
        self._open = not quiet and self._stream.isatty() and os.environ.get("TERM") != "dumb"

    def __call__(self, text: str, done: int, total: int | None) -> None:
        """Say that `done` of `total` is done; draws at most every INTERVAL seconds."""
        if not self._open or time.monotonic() < self._next or not self._lock.acquire(blocking=False):
            return
        try:
            if self._open:
                self._write(self._line(text, done, total))
                self._drawn = True
                self._next = time.monotonic() + INTERVAL
        finally:
            self._lock.release()

    def close(self) -> None:
        """Clear the line; later calls draw nothing."""
        with self._lock:
            if self._open and self._drawn:
                self._write("")
            self._open = False

    def _write(self, text: str) -> None:
        blank = " " * (_terminal().width_of(self._stream) - 1)
        try:
            self._stream.write(f"\r{blank}\r{text}")
            self._stream.flush()
        except OSError:  # the terminal is gone: the work goes on without it
            self._open = False

    def _line(self, text: str, done: int, total: int | None) -> str:
        from lightweight_cli.report.layout import shorten

        width = _terminal().width_of(self._stream) - 1
        spent = f"{time.monotonic() - self._started:.0f} s"
        if not total:
            return shorten(f"{text}  {done:,}  {spent}" if done else f"{text}  {spent}", width)
        share = min(1.0, done / total)
        end = f"  {100 * share:3.0f} %  {spent}"
        room = width - BAR - len(end) - 2
        if room < 8:
            return shorten(text, width - len(end)) + end
        shown = shorten(text, room)
        full, empty = ("━", "─") if self._draws("━─") else ("#", ".")
        filled = round(BAR * share)
        return f"{shown}  {self._colour(full * filled)}{empty * (BAR - filled)}{end}"

    def _draws(self, characters: str) -> bool:
        try:
            characters.encode(self._stream.encoding or "ascii")
        except UnicodeEncodeError:
            return False
        return True

    def _colour(self, bar: str) -> str:
        return f"\x1b[36m{bar}\x1b[0m" if _terminal().colourful(self._stream) else bar


def _terminal() -> ModuleType:
    """Return the terminal's form, imported when something is drawn: most work is done before."""
    from lightweight_cli.report import terminal

    return terminal
