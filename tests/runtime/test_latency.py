"""Latency: a figure where rounds agree, and none where they do not."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from lightweight_cli.checking.accuracy import Accuracy
from lightweight_cli.checking.gates import Gates, check
from lightweight_cli.report import words
from lightweight_cli.runtime import latency
from lightweight_cli.runtime.latency import Latency, Pace, Round, _pace, measure


class Session:
    """Works or sleeps for some seconds a run."""

    def __init__(self, work: float, sleep: float = 0.0) -> None:
        self.work, self.sleep = work, sleep

    def run(self, outputs: None, feed: dict[str, Any]) -> list[Any]:
        time.sleep(self.sleep)
        until = time.process_time() + self.work
        while time.process_time() < until:
            pass
        return []


def blocks(*ratios: float, rounds: int = 40) -> list[list[Round]]:
    return [[Round((1.0, 1.0), (r, 1.0))] * rounds for r in ratios]


@pytest.mark.parametrize(("found", "ratio"), [
    (blocks(1.2, 1.2, 1.25), 1.2), (blocks(1.0, 1.1, 1.2), None), (blocks(4.12, 0.45, 0.92), None),
    (blocks(1.0, 1.0, 1.0, 3.0), 1.0),  # of many blocks, one may be disturbed
    ([[*blocks(1.0)[0], *blocks(2.0)[0]]] * 3, None)])
def test_rounds_and_blocks_must_agree(found: list[list[Round]], ratio: float | None) -> None:
    assert _pace(found, 0).ratio == ratio and _pace(found, 1).ratio == 1


def test_processor_time_leaves_waiting_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "BLOCK", 0.1)
    found = measure(lambda: Session(0.001), lambda: Session(0.001, sleep=0.004), {}, threads=1, batch=3, seconds=3)  # type: ignore[arg-type, return-value]
    assert isinstance(found, Latency) and (found.threads, found.batch) == (1, 3)
    assert found.clock.candidate_ms > found.clock.reference_ms
    assert found.processor.ratio is None or 0.8 < found.processor.ratio < 1.4


def test_what_takes_too_long_is_not_measured() -> None:
    said = measure(lambda: Session(0, 0.05), lambda: Session(0, 0.05), {}, threads=1, batch=1, seconds=0.5)  # type: ignore[arg-type, return-value]
    assert isinstance(said, str) and re.fullmatch(r"it would take \d+(\.\d)? s more, which the check has not left", said)


NOISY, STEADY = Pace(None, 0.5, 4.0, 1.0, 1.0), Pace(1.01, 1.0, 1.02, 2.0, 2.02)


def test_words_for_noise() -> None:
    both = Latency(NOISY, STEADY, 90, 2, 1)
    assert words.latency(both) == "time too noisy to say, 1.01x the processor time"
    assert words.latency_times(both) == "2.00 -> 2.02 ms of processor time, batch 1, 2 threads, 90 rounds"
    assert words.latency(Latency(NOISY, NOISY, 90, 2, 1)) == "time too noisy to say, processor time too"
    assert words.latency(Latency(STEADY, NOISY, 90, 2, 1)) == "1.01x the time (1.00 to 1.02), processor time too noisy to say"


def test_a_gate_on_noise_is_not_evaluated() -> None:
    def held(taken: Latency) -> Any:
        return check(Gates(max_slowdown=1.1), Accuracy(True, 1, 1, (), latency=taken), 1)[0]

    noise = held(Latency(NOISY, NOISY, 90, 2, 1))
    assert not noise.passed and "too busy" in noise.why
    assert held(Latency(NOISY, STEADY, 90, 2, 1)).passed and held(Latency(NOISY, STEADY, 90, 2, 1)).value == 1.01
    assert not held(Latency(Pace(1.2, 1.2, 1.2, 1.0, 1.2), STEADY, 90, 2, 1)).passed


def test_the_same_file_takes_as_long() -> None:
    (gate,) = check(Gates(max_slowdown=1.0), Accuracy(True, 1, 1, ()), 1, same=True)
    assert gate.passed and gate.value == 1
