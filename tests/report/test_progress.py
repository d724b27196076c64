"""Progress: a line that ticks on a terminal, a line a stage in a log, and nothing with -q."""

from __future__ import annotations

import io
import re
import threading
import time
from collections.abc import Callable

import pytest
from screens import Terminal

from lightweight_cli.report import layout, progress
from lightweight_cli.report.progress import Progress

HOSTILE = "\x1b[31m[red]|\u202e\n# x\udc80"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setattr(progress, "INTERVAL", 0.005)


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_it_is_drawn_on_a_terminal_and_cleared() -> None:
    stream = Terminal()
    bar = Progress(stream)
    bar("quantize:bits=8", 62, 100)
    until(lambda: "\rquantize:bits=8  " in stream.getvalue() and " 62 %" in stream.getvalue())
    bar("check: candidate", 12, None)
    until(lambda: stream.getvalue().endswith("\rcheck: candidate  12  0 s"))
    bar.close()
    drawn = stream.getvalue()
    assert drawn.endswith("\r" + " " * 79 + "\r")
    bar("more", 1, 2)
    bar.close()
    assert stream.getvalue() == drawn


def test_the_clock_ticks_though_nothing_is_heard() -> None:
    stream = Terminal()
    bar = Progress(stream)
    bar("check: reference run", 3, 10)
    bar._started -= 41
    bar._since -= 30
    until(lambda: " 41 s, 70 s left" in stream.getvalue())
    bar._started -= 1
    until(lambda: " 42 s, " in stream.getvalue())
    bar.close()


@pytest.mark.parametrize(("done", "total", "spent", "left"), [
    (0, 10, 5, ""), (1, 100, 5, ""), (50, 100, 10, "10 s"), (10, 100, 60, "9 min"), (99, 100, 10, ""), (10, 10, 10, ""), (5, 0, 10, "")])
def test_what_is_left_is_told_where_it_is_known(done: int, total: int, spent: float, left: str) -> None:
    bar = Progress(Terminal(), quiet=True)
    bar._since -= spent
    assert bar._left(done, total) == left


def test_it_waits_and_is_silent_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet, log = Terminal(), io.StringIO()
    for bar in (Progress(quiet, quiet=True), Progress(None), Progress(log)):
        bar("step", 1, 2)
        time.sleep(0.05)
        bar.close()
    monkeypatch.setattr(progress, "PATIENCE", 60.0)
    early = Terminal()
    bar = Progress(early)
    bar("step", 1, 2)
    bar.close()
    assert quiet.getvalue() == early.getvalue() == log.getvalue() == ""


def test_a_log_has_one_line_a_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LOGGED", 0.02)
    log = io.StringIO()
    bar = Progress(log)
    for i, stage in enumerate(("quantize:bits=4", "check: reference run", HOSTILE)):
        bar(stage, 0, 10)
        until(lambda lines=i: log.getvalue().count("\n") > lines)
        bar(stage, 5, 10)
        time.sleep(0.05)
    bar.close()
    lines = log.getvalue().splitlines()
    assert len(lines) == 3 and all(re.fullmatch(r"lwc: [\d.]+ s: .*, 0 %", line) for line in lines)
    assert "quantize:bits=4" in lines[0] and all(c.isprintable() for c in lines[2])


@pytest.mark.parametrize("columns", [30, 50, 80])
def test_it_keeps_to_its_line(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = Terminal()
    bar = Progress(stream)

    def work() -> None:
        for i in range(60):
            bar(HOSTILE * 3, i, 50)
            time.sleep(0.001)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    until(lambda: "%" in stream.getvalue())
    bar.close()
    text = re.sub(r"\x1b\[(36|0)m", "", stream.getvalue())
    assert "\n" not in text and "\x1b" not in text
    assert all(layout.cells(part) < columns for part in text.split("\r"))


def test_a_terminal_that_is_gone_ends_the_drawing_only() -> None:
    class Gone(Terminal):
        def write(self, text: str) -> int:
            raise OSError(5, "Input/output error")

    bar = Progress(Gone())
    bar("step", 1, 2)
    until(lambda: bar._ended.is_set())
    bar.close()
