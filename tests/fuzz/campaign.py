"""Fuzzing for a while in one process."""

from __future__ import annotations

import gc
import random
import resource
import time
import traceback
from collections import Counter
from collections.abc import Callable

from corpus.recipes import Recipe
from corpus.verdicts import BROKEN, Outcome, Verdict

from fuzz.check import outcome
from fuzz.damage import damaged, seeds, withstand
from fuzz.exact import exact
from fuzz.mutate import changed, readable

KINDS = {"models": 1, "tables": 3, "damaged": 20}
"""What there is, and how many of each are tried in turn: they take about as much time."""


class Campaign:
    """Counts executions by kind, and keeps findings."""

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        self.findings: list[str] = []
        self.seeds = seeds()
        self.valid = [data for data in self.seeds if readable(data)]

    def judged(self, kind: str, judge: Callable[[int], tuple[Recipe, Outcome]], seed: int) -> None:
        """Try one seed of what ends with a verdict."""
        try:
            recipe, found = judge(seed)
            self.count[f"{kind} {found.verdict.value}"] += 1
            if found.verdict in (*BROKEN, Verdict.REFUSED):
                self.findings.append(f"{kind} {seed}: {' + '.join(recipe)}: {found.verdict.value}: {found.detail}")
        except Exception:
            self.findings.append(f"{kind} {seed}: {traceback.format_exc(limit=-2)}")

    def damaged(self, seed: int) -> None:
        """Try one file that is not as it should be."""
        choose = random.Random(seed)
        kind = choose.choice(("bytes", "messages"))
        if kind == "bytes":
            data = damaged(choose.choice(self.seeds), choose.choice(self.seeds), choose)
        else:
            data = changed(choose.choice(self.valid), choose)
        self.count[f"damaged {kind}"] += 1
        try:
            withstand(data)
        except Exception:
            self.findings.append(f"damaged {seed}: {traceback.format_exc(limit=-2)}")

    def one(self, kind: str, seed: int) -> None:
        """Try one seed of a kind."""
        if kind == "damaged":
            self.damaged(seed)
        else:
            self.judged(kind, outcome if kind == "models" else exact, seed)


def work(first: int, seconds: float, kinds: list[str]) -> tuple[Counter[str], list[str]]:
    """Fuzz from seed `first` on. Returns: executions by kind, and findings."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    campaign, end, turn = Campaign(), time.monotonic() + seconds, first
    while time.monotonic() < end:
        for kind in kinds:
            for part in range(KINDS[kind]):
                campaign.one(kind, turn * KINDS[kind] + part)
        gc.collect()  # the traces of refused files hold them mapped
        turn += 1
    return campaign.count, campaign.findings
