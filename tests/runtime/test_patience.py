"""Seconds are those of the process: one that is not let run has more of them by the clock."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from lightweight_cli.runtime import patience
from lightweight_cli.runtime.patience import LAZIEST, Patience, communicate, processor_time

BUSY, LAZY = "while True: pass", "import time; time.sleep(60)"
LIMIT = 0.4


@pytest.mark.parametrize("code", [BUSY, LAZY])
@pytest.mark.parametrize("known", [True, False])
def test_who_has_had_its_time_is_given_up(code, known, monkeypatch):
    if not known:
        monkeypatch.setattr(patience, "processor_time", lambda pid: None)
    with subprocess.Popen([sys.executable, "-S", "-c", code], stdout=subprocess.PIPE) as child:
        began = time.monotonic()
        assert communicate(child, LIMIT) is None
        took, used = time.monotonic() - began, processor_time(child.pid)
        child.kill()
    assert LIMIT <= took
    if not known:
        assert took < LAZIEST * LIMIT
    elif used is not None:
        assert took >= LAZIEST * LIMIT if code is LAZY else used >= LIMIT or took >= LAZIEST * LIMIT


def test_what_a_process_says_is_whole_after_several_looks(monkeypatch):
    monkeypatch.setattr(Patience, "left", lambda self, limit: 0.02)
    code = "import sys, time; sys.stdout.write('x' * 300_000); time.sleep(.2); sys.stdout.write('y')"
    with subprocess.Popen([sys.executable, "-S", "-c", code], stdout=subprocess.PIPE) as child:
        assert communicate(child, 1.0) == b"x" * 300_000 + b"y"


def test_a_sign_of_life_begins_anew():
    mine = Patience(0)
    mine.clock -= 10 * LIMIT * LAZIEST
    assert mine.left(LIMIT) == 0
    mine.renew()
    assert 0 < mine.left(LIMIT) <= LIMIT
