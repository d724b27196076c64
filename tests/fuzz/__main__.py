"""`python -m fuzz --seconds N`: random models, extreme tables, damaged bytes for a while; says what was found and how to repeat it."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from collections import Counter

from fuzz.campaign import KINDS, work


def main() -> int:
    """Fuzz in as many processes as there are cores. Returns: 1 if something was found."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0, help="where to begin")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", choices=KINDS, help="one kind of input")
    given = parser.parse_args()
    firsts = [given.seed + i * 10_000_000 for i in range(given.jobs)]
    with multiprocessing.get_context("spawn").Pool(given.jobs) as pool:
        done = pool.starmap(work, [(first, given.seconds, [given.only] if given.only else list(KINDS)) for first in firsts], chunksize=1)
    total = sum((count for count, _ in done), Counter[str]())
    findings = [f for _, found in done for f in found]
    print(*findings, sep="\n")
    print(f"{given.seconds:g} s in {given.jobs} processes:", ", ".join(f"{kind} {n:,}" for kind, n in sorted(total.items())))
    print(f"{len(findings)} findings")
    return int(bool(findings))


if __name__ == "__main__":
    sys.exit(main())
