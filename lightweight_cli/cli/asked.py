"""From the options given to how models are compared and which gates must hold; what can't be is refused before the work."""

from __future__ import annotations

from typing import Any

from lightweight_cli.cli.flag import Given
from lightweight_cli.errors import UsageError, printable


def checks(given: Given) -> tuple[Any, Any]:
    """Return the Check and the Gates that the options ask for."""
    from lightweight_cli.checking.amounts import parse_memory_limit, parse_size, parse_time_limit
    from lightweight_cli.checking.check import Check
    from lightweight_cli.checking.gates import Gates

    refuse_inputs(given["data"], given["labels"], given["metric"])
    share = given["min_agreement"]
    if share is not None and not 0 <= share <= 1:
        raise UsageError(f"--min-agreement {share:g}: must be from 0 to 1")
    if given["samples"] is not None and given["samples"] < 1:
        raise UsageError(f"--samples {given['samples']}: must be at least 1")
    size = parse_size(given["max_size"]) if given["max_size"] else None
    time, memory = given["max_load_time"], given["max_load_memory"]
    gates = Gates(given["max_drop"], given["min_sqnr"], given["min_agreement"], size, given["max_slowdown"],
                  parse_time_limit(time, "--max-load-time") if time else None,
                  parse_memory_limit(memory, "--max-load-memory") if memory else None)
    return Check(tuple(given["data"]), given["labels"], given["metric"], seed=given["seed"], samples=given["samples"]), gates


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
