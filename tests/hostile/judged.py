"""Cases taken through lwc with its check, and what came of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from corpus import recipes
from corpus.pool import Results, run_all
from corpus.verdicts import Outcome, Verdict
from corpus.worker import serve_checked

from hostile.cases import Case, Expect

ALLOWED = {
    Expect.REFUSED: (Verdict.REFUSED,),
    Expect.PASSES: (Verdict.EQUAL, Verdict.UNVERIFIED),
    Expect.EITHER: (Verdict.REFUSED, Verdict.EQUAL, Verdict.UNVERIFIED),
}
TIME_LIMIT = 60.0


def run(cases: list[Case], folder: Path, every: bool = False) -> tuple[dict[Path, Case], Results]:
    """Take each case through five passes at once, or through `every` pass too, as the command does, with its check."""
    files = {case.write(folder / case.name): case for case in cases}
    assert len(files) == len(cases)
    which = [*recipes.singles(), recipes.FIVE] if every else [recipes.FIVE]
    results = run_all(serve_checked, files, which, min(4, os.cpu_count() or 1), TIME_LIMIT)
    for path, found in results.items():
        for recipe, outcome in found.items():
            if outcome.verdict is Verdict.CRASH and "died of" in outcome.detail:
                found[recipe] = by_the_command(path, recipe)
    return files, results


def by_the_command(path: Path, recipe: recipes.Recipe) -> Outcome:
    """Return what the command makes of a model that took the process with it: its check runs in a process of its own."""
    out = path.with_name(f"{path.name}.out")
    steps = [word for step in recipe for word in ("-p", step)]
    command = [sys.executable, "-m", "lightweight_cli", "run", path, *steps, "-o", out, "-q"]  # -q: no progress on a slow machine
    ended = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT)
    one_line = ended.stderr.startswith("lwc: error: ") and ended.stderr.count("\n") == 1
    refused = ended.returncode in (3, 5) and one_line and not out.exists()
    return Outcome(Verdict.REFUSED if refused else Verdict.CRASH, ended.stderr.removeprefix("lwc: error: ").strip())


def unexpected(files: dict[Path, Case], results: Results) -> list[str]:
    """Return a line for each result that its case does not allow."""
    return [
        f"{files[path].name} ({files[path].expect.value}) by {' '.join(recipe)}: {outcome.verdict.value}: {outcome.detail}"
        for path, found in results.items()
        for recipe, outcome in found.items()
        if outcome.verdict not in ALLOWED[files[path].expect]
    ]
