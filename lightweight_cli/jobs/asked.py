"""From the options given to how models are compared and which gates must hold; what can't be is refused before the work."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lightweight_cli.errors import UsageError, printable
from lightweight_cli.jobs.flag import Given
from lightweight_cli.runtime.threads import THREADS

if TYPE_CHECKING:
    from lightweight_cli.pipeline.recipe import Step
    from lightweight_cli.targets.target import Target

MOST_THREADS = 1024


def checks(given: Given) -> tuple[Any, Any]:
    """Return the Check and the Gates that the options ask for. Raises: UsageError; InputError for a missing file."""
    from lightweight_cli.checking.amounts import parse_memory_limit, parse_size, parse_time_limit
    from lightweight_cli.checking.check import BUDGET, Check
    from lightweight_cli.checking.gates import Gates

    refuse_inputs(given["data"], given["labels"], given["metric"])
    share = given["min_agreement"]
    if share is not None and not 0 <= share <= 1:
        raise UsageError(f"--min-agreement {share:g}: must be from 0 to 1")
    if given["samples"] is not None and given["samples"] < 1:
        raise UsageError(f"--samples {given['samples']}: must be at least 1")
    if given["no_labels"]:
        without = next((flag for flag in ("labels", "metric", "max_drop") if given[flag] is not None), None)
        if without is not None:
            raise UsageError(f"--no-labels: --{without.replace('_', '-')} needs labels; give one or the other")
    if given["confident"] and given["max_drop"] is None:
        raise UsageError("--confident: says how --max-drop is held; give both")
    if given["batch_size"] is not None and not (given["data"] and given["batch_size"] >= 1):
        raise UsageError(f"--batch-size {given['batch_size']}: {'must be at least 1' if given['data'] else 'needs --data'}")
    threads = threads_of(given)
    seconds = BUDGET if given["check_time"] is None else given["check_time"]
    if not seconds > 0:
        raise UsageError(f"--check-time {seconds:g}: must be above 0 (inf: as long as it takes)")
    size = parse_size(given["max_size"]) if given["max_size"] else None
    time, memory = given["max_load_time"], given["max_load_memory"]
    gates = Gates(given["max_drop"], given["min_sqnr"], given["min_agreement"], size, given["max_slowdown"],
                  parse_time_limit(time, "--max-load-time") if time else None,
                  parse_memory_limit(memory, "--max-load-memory") if memory else None, confident=given["confident"])
    return Check(tuple(given["data"]), given["labels"], given["no_labels"], given["metric"], seed=given["seed"], samples=given["samples"],
                 threads=threads, batch_size=given["batch_size"], budget=seconds if math.isfinite(seconds) else None), gates


def threads_of(given: Given) -> int:
    """Return the threads that models run with. Raises: UsageError."""
    threads: int = THREADS if given["threads"] is None else given["threads"]
    if not 1 <= threads <= MOST_THREADS:
        raise UsageError(f"--threads {threads}: must be from 1 to {MOST_THREADS:,}")
    return threads


def asked_for(target: str | None, min_runtime: str | None, steps: Sequence[Step]) -> Target | None:
    """Return the target that was asked for, which takes what the steps write; None: nobody asked. Raises: UsageError."""
    if target is None and min_runtime is None:
        return None
    from lightweight_cli.targets.refuse import refuse_steps
    from lightweight_cli.targets.table import asked

    place = asked(target, min_runtime)
    refuse_steps(place, steps)
    return place


def refuse_inputs(data: list[str], labels: str | None, metric: str | None) -> None:
    """Find before any work what can't be evaluated. Raises: UsageError; InputError for a missing file."""
    if metric is not None:
        from lightweight_cli.checking.metrics.spec import parse_metric

        parse_metric(metric)
    for flag, value in (("--labels", labels), ("--metric", metric)):
        if value is not None and not data:
            raise UsageError(f"{flag} {printable(value)}: needs --data")
    refuse_missing([*data, *([labels] if labels else [])])


def refuse_missing(paths: list[str]) -> None:
    """Find files of data that are not there, before any work. Raises: InputError."""
    for path in paths:
        from lightweight_cli.data.labels import missing_file

        file, _, reader = path.rpartition(":")
        if error := missing_file(file if file.endswith(".py") and reader.isidentifier() else path):
            raise error
