"""`lwc sensitivity`: what a model loses by each of its weights."""

from __future__ import annotations

import math
import sys
import time
from typing import TYPE_CHECKING

from lightweight_cli.errors import UsageError
from lightweight_cli.jobs.asked import refuse_missing, threads_of
from lightweight_cli.jobs.version import __version__
from lightweight_cli.model.load import load
from lightweight_cli.report.progress import Progress

if TYPE_CHECKING:
    from lightweight_cli.jobs.flag import Given
    from lightweight_cli.sensitivity.found import Sensitivities


def sense(given: Given) -> None:
    """Measure the weights, and print what was found. Raises: LwcError."""
    from lightweight_cli.report import write as report_file

    threads = _refused(given)
    for path in given["report"]:
        report_file.check_target(path)
    report_file.refuse_two_on_stdout(given["report"], model=True)  # the table, or --json, is there
    progress = Progress(sys.stderr, quiet=given["quiet"])
    try:
        found = _found(given, threads, progress)
    finally:
        progress.close()
    for path in given["report"]:
        report_file.deliver(_rendered(found, report_file.parse(path).form), path)
    report_file.deliver(_rendered(found, "json" if given["json"] else "text"), "-")


def _refused(given: Given) -> int:
    """Find before any work what can't be. Returns: the threads. Raises: UsageError, InputError."""
    from lightweight_cli.sensitivity.ladder import BITS

    if given["bits"] not in (None, *BITS):
        raise UsageError(f"--bits {given['bits']}: must be {', '.join(map(str, BITS))}")
    for name in ("samples", "batch_size"):
        if given[name] is not None and given[name] < 1:
            raise UsageError(f"--{name.replace('_', '-')} {given[name]}: must be at least 1")
    if given["time_limit"] is not None and not given["time_limit"] > 0:
        raise UsageError(f"--time-limit {given['time_limit']:g}: must be above 0 (inf: as long as it takes)")
    if given["model"] in (None, "-") and sys.stdin is not None and sys.stdin.isatty():
        raise UsageError("MODEL is missing: name a model file, or send one through a pipe")
    refuse_missing(given["calibrate"])
    return threads_of(given)


def _found(given: Given, threads: int, progress: Progress) -> Sensitivities:
    from lightweight_cli.calibration.settings import Settings
    from lightweight_cli.calibration.tryout import Tryout
    from lightweight_cli.data.portion import Portion
    from lightweight_cli.model.scopes import Scopes
    from lightweight_cli.sensitivity import advice, measure
    from lightweight_cli.sensitivity.found import Sensitivities
    from lightweight_cli.weights.search import find_weights
    from lightweight_cli.weights.selection import Selection

    started = time.monotonic()
    progress("reading", 0, 0)
    model = load(given["model"])
    selection = Selection(tuple(given["only"]), tuple(given["exclude"]))
    weights = [w for w in find_weights(model, Scopes(model.proto)) if w.size]
    selection.check(weights)
    weights = [w for w in weights if not selection.reason(w)]
    bits = given["bits"] or measure.BITS
    limit = measure.time_limit(weights) if given["time_limit"] is None else given["time_limit"]
    portion = Portion(tuple(given["calibrate"]), "all", given["samples"] or measure.ROWS, given["seed"])
    with Tryout(Settings(portion, batch_size=given["batch_size"], threads=threads), model, weights) as tryout:
        each, complete = measure.measured(tryout, weights, bits, limit if math.isfinite(limit) else None,
                                          lambda done, total: progress("trying weights", done, total))
        ranked, out = advice.ranked(each, bits), advice.excluded(each, bits)
        return Sensitivities(model.shown, model.digest, tryout.samples, tryout.of, tryout.synthetic, bits, tuple(ranked),
                             tuple(advice.pattern(w.name) for w in out), advice.together([w for w in each if w not in out], bits),
                             complete, round(time.monotonic() - started, 3))


def _rendered(found: Sensitivities, form: str) -> str:
    """Return what was found in one form."""
    from lightweight_cli.report.sensitivity import as_html, as_json, as_markdown, as_text

    if form == "json":
        return as_json.render(found, __version__)
    if form == "html":
        return as_html.render(found, __version__)
    return as_markdown.render(found) if form == "md" else as_text.render(found)
