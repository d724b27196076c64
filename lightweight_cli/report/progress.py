"""How far the work is: one line that ticks on a terminal, one line a stage in a log."""

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
"""Seconds between two drawings, whether anything is heard or not."""
LOGGED = 3.0
"""Seconds of a stage from which it has a line in a log."""
FORESEEN = 0.05
"""Share of a stage from which the time that is left is told; before, it would jump about."""
BAR = 24
"""Cells of the bar."""


class Progress:
    """Call it from any thread with a stage, what is done, and the total if known; `close` clears the line."""

    def __init__(self, stream: TextIO | None, quiet: bool = False) -> None:
        self._stream = io.StringIO() if stream is None else stream  # None: standard error is closed
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._stage = ("", 0, 0)
        self._since = self._started
        self._logged = self._drawn = False
        self._live = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._open = not quiet and stream is not None
        self._ended = threading.Event()
        self._clock: threading.Thread | None = None

    def __call__(self, text: str, done: int, total: int | None) -> None:
        """Say that `done` of `total` is done in the stage `text`; the clock draws it."""
        if not self._open:
            return
        further = done > self._stage[1] > 0 and total == self._stage[2]
        if text != self._stage[0] and not further:  # a stage that says how it does, with other words each time, goes on
            self._since, self._logged = time.monotonic(), False
        self._stage = (text, done, total or 0)
        if self._clock is None:
            with self._lock:
                if self._clock is None and self._open:
                    self._clock = threading.Thread(target=self._tick, name="lwc progress", daemon=True)
                    self._clock.start()

    def close(self) -> None:
        """Clear the line; later calls draw nothing."""
        with self._lock:
            self._open = False
            self._ended.set()
        if self._clock is not None:
            self._clock.join()
        if self._drawn:
            self._drawn = False
            self._write(self._blank())

    def _tick(self) -> None:
        """Draw until the end."""
        wait = PATIENCE if self._live else INTERVAL
        while not self._ended.wait(wait):
            wait = INTERVAL
            if self._live:
                self._drawn = True
                self._write(self._blank() + self._line(*self._stage))
            elif not self._logged and time.monotonic() - self._since >= LOGGED:
                self._logged = True
                self._write(f"lwc: {self._said()}\n")

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # the terminal is gone: the work goes on without it
            self._ended.set()

    def _blank(self) -> str:
        return "\r" + " " * (_terminal().width_of(self._stream) - 1) + "\r"

    def _said(self) -> str:
        """Return the stage for a log."""
        from lightweight_cli.report.words import duration, safe

        text, done, total = self._stage
        left, spent = self._left(done, total), duration(time.monotonic() - self._started)
        return f"{spent}: {safe(text)}" + (f", {100 * done // total} %" if total else "") + (f", about {left} left" if left else "")

    def _left(self, done: int, total: int) -> str:
        """Return the time that a stage will still take, or nothing where it can't be told."""
        share = done / total if total else 0.0
        if not FORESEEN <= share < 1:
            return ""
        seconds = (time.monotonic() - self._since) * (1 - share) / share
        return "" if seconds < 1 else f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"

    def _line(self, text: str, done: int, total: int) -> str:
        from lightweight_cli.report.layout import shorten

        width = _terminal().width_of(self._stream) - 1
        spent = f"{time.monotonic() - self._started:.0f} s"
        if not total:
            return shorten(f"{text}  {done:,}  {spent}" if done else f"{text}  {spent}", width)
        share, left = min(1.0, done / total), self._left(done, total)
        end = f"  {100 * share:3.0f} %  {spent}"
        room = width - BAR - len(end) - 2
        if left and room - len(left) - 7 >= 8:
            end = f"{end}, {left} left"
            room = width - BAR - len(end) - 2
        if room < 8:
            return shorten(text, width - len(end)) + end
        full, empty = ("━", "─") if self._draws("━─") else ("#", ".")
        filled = round(BAR * share)
        return f"{shorten(text, room)}  {self._colour(full * filled)}{empty * (BAR - filled)}{end}"

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
