"""`python -m corpus`: the whole corpus, or a part; prints the table and writes docs/corpus.md."""

from __future__ import annotations

import argparse
import os
import sys
import time

from corpus import recipes
from corpus.models import REPOSITORY, all_models, fetched_models, is_slow
from corpus.pool import TIME_LIMIT, Results, run_all
from corpus.table import document, failures, table
from corpus.worker import serve


def main() -> int:
    """Run the corpus. Returns: 1 if a result is broken."""
    parser = argparse.ArgumentParser(prog="python -m corpus", description=__doc__)
    parser.add_argument("folders", nargs="*", help="folders with more models")
    parser.add_argument("--networks", action="store_true", help="only whole networks, real ones among them; writes no page")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th model; writes no page")
    parser.add_argument("--only", metavar="PASS", help="only recipes with this step; writes no page")
    parser.add_argument("--singles", action="store_true", help="no recipes of two passes; writes no page")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--time-limit", type=float, default=TIME_LIMIT, metavar="SECONDS")
    given = parser.parse_args()
    listed, real = all_models(tuple(given.folders)), fetched_models()
    own = len(listed) - len(all_models())
    models = [m for m in [*listed, *real][:: given.every] if is_slow(m) or not given.networks]
    wanted = [*recipes.singles(), *([] if given.singles else recipes.pairs()), recipes.FIVE]
    if given.only:
        wanted = [r for r in wanted if given.only in r]
    start = time.monotonic()

    def progress(done: int) -> None:
        if done % 100 == 0:
            print(f"{done:,} of {len(models):,} models, {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)

    whole = given.every == 1 and not given.only and not given.singles and not given.networks
    results: Results = {}
    slow = {m for m in models if is_slow(m)}
    parts = ([m for m in models if m not in slow], wanted), (sorted(slow), [r for r in wanted if len(r) != 2 and r != (recipes.SEARCH,)])
    for part, some in parts:
        results |= run_all(serve, part, some, given.jobs, given.time_limit, progress)
        if whole:
            (REPOSITORY / "docs" / "corpus.md").write_text(document(results, own, len(real)))
    bad = failures(results)
    print(table(results), *bad, f"{time.monotonic() - start:.0f} s", sep="\n")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
