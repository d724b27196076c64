"""Fuzzing for a while in one process."""

from __future__ import annotations

import gc
import random
import resource
import time
import traceback
from collections import Counter

from corpus.verdicts import BROKEN, Verdict

from fuzz.check import outcome
from fuzz.damage import damaged, seeds, withstand
from fuzz.exact import exact
from fuzz.mutate import changed, readable

DAMAGED_FOR_ONE_MODEL = 20
"""Damaged files take so much less time than models."""
TABLES_FOR_ONE_MODEL = 3
"""Tables of extreme values take a third of the time of a model."""


def work(first: int, seconds: float) -> tuple[Counter[str], list[str]]:
    """Fuzz from seed `first` on. Returns: executions by kind, and findings."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    end, count, findings, kinds = time.monotonic() + seconds, Counter[str](), [], seeds()
    valid = [data for data in kinds if readable(data)]
    for seed in range(first, first + (1 << 40)):
        if time.monotonic() > end:
            break
        try:
            recipe, found = outcome(seed)
            count[f"model {found.verdict.value}"] += 1
            if found.verdict in (*BROKEN, Verdict.REFUSED):
                findings.append(f"model {seed}: {' + '.join(recipe)}: {found.verdict.value}: {found.detail}")
        except Exception:
            findings.append(f"model {seed}: {traceback.format_exc(limit=-2)}")
        for part in range(TABLES_FOR_ONE_MODEL):
            number = seed * TABLES_FOR_ONE_MODEL + part
            try:
                recipe, found = exact(number)
                count[f"tables {found.verdict.value}"] += 1
                if found.verdict in (*BROKEN, Verdict.REFUSED):
                    findings.append(f"tables {number}: {' + '.join(recipe)}: {found.verdict.value}: {found.detail}")
            except Exception:
                findings.append(f"tables {number}: {traceback.format_exc(limit=-2)}")
        gc.collect()  # the traces of refused files hold them mapped
        for part in range(DAMAGED_FOR_ONE_MODEL):
            choose = random.Random(f"{seed}.{part}")
            kind = choose.choice(("bytes", "messages"))
            data = damaged(choose.choice(kinds), choose.choice(kinds), choose) if kind == "bytes" else changed(choose.choice(valid), choose)
            count[f"damaged {kind}"] += 1
            try:
                withstand(data)
            except Exception:
                findings.append(f"damaged {seed}.{part}: {traceback.format_exc(limit=-2)}")
    return count, findings
