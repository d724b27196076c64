"""Every command as data: its arguments, options and what it calls. The command line and the quick way in read it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import lightweight_cli.passes  # noqa: F401  hands over the declarations
from lightweight_cli.cli.flag import Flag, Given
from lightweight_cli.cli.listing import described, help_text
from lightweight_cli.errors import UsageError, printable
from lightweight_cli.pipeline import registry


class Argument(NamedTuple):
    """A positional argument."""

    name: str
    help: str
    required: bool


class Command(NamedTuple):
    """A command: `body` is called with every argument and option by name."""

    name: str
    summary: str
    help: str
    arguments: tuple[Argument, ...]
    flags: tuple[Flag, ...]
    body: Callable[[Given], None]


COMMON = (
    Flag("output", ("-o", "--output"), str, "Where the result goes; -: standard output. Not given: standard output, at a terminal "
         "MODEL.COMMAND.onnx.", "FILE"),
    Flag("force", ("-f", "--force"), bool, "Replace an existing file, the input too."),
)
REPORT = (
    Flag("quiet", ("-q", "--quiet"), bool, "Print nothing but errors."),
    Flag("report", ("--report",), list, "Write the report to a .json, .md or .html file, or json:FILE, md:FILE, html:FILE; "
         "-: JSON on standard output; repeatable.", "FILE"),
)
CHECK = (
    Flag("data", ("--data",), list, "Evaluation data: .npz keyed by input names (labels under labels), .npy, "
         "a test_data_set_N folder, FILE.py:reader; repeatable.", "FILE"),
    Flag("labels", ("--labels",), str, "Labels of the data, where they are apart: .npy or .npz.", "FILE"),
    Flag("metric", ("--metric",), str, "Metric on the labels: top1, top5, f1, rmse, mae, pearson, spearman, edit or ctc; "
         "not given: chosen from the labels.", "NAME"),
    Flag("samples", ("--samples",), int, "Use at most so many samples of the data.", "INTEGER"),
    Flag("seed", ("--seed",), int, "Seed of what is drawn: synthetic inputs, samples of the data (default 0).", "INTEGER", 0),
)
"""Also the keys of a recipe's [check]."""
GATES = (
    Flag("max_drop", ("--max-drop",), float, "Gate: largest drop of the metric, as in 0.01.", "NUMBER"),
    Flag("min_sqnr", ("--min-sqnr",), float, "Gate: smallest SQNR of an output, in dB, as in 30.", "NUMBER"),
    Flag("min_agreement", ("--min-agreement",), float, "Gate: smallest top-1 agreement, from 0 to 1.", "NUMBER"),
    Flag("max_size", ("--max-size",), str, "Gate: largest file, as in 300KB, 5MB.", "SIZE"),
    Flag("max_slowdown", ("--max-slowdown",), float, "Gate: largest latency ratio, as in 1.1.", "NUMBER"),
    Flag("max_load_time", ("--max-load-time",), str, "Gate: most CPU time to load the result: a ratio to the original's, as in 1.5, "
         "or a time, as in 500ms, 2s.", "LIMIT"),
    Flag("max_load_memory", ("--max-load-memory",), str, "Gate: most memory while loading the result: a ratio to the original's, as in "
         "1.5, or a size, as in 800MB.", "LIMIT"),
)
"""Also the keys of a recipe's [gates]."""
CALIBRATION = (
    Flag("calibrate", ("--calibrate",), list, "Calibration data, which choose values where --data judge them: same forms, labels "
         "ignored; not given: a third of --data, at most 256 samples.", "FILE"),
)
RESULT = (
    Flag("against", ("--against",), str, "Compare with this model instead of MODEL: in a pipe, the first one.", "MODEL"),
    Flag("no_check", ("--no-check",), bool, "Write the result without running the models."),
)
COMPRESSING = (*COMMON, *REPORT, *CHECK, *CALIBRATION, *GATES, *RESULT)
NEED_CHECK = {"data", "labels", "metric", "max_drop", "min_sqnr", "min_agreement", "max_slowdown", "max_load_time",
              "max_load_memory", "against"}
"""Options that mean nothing without the check."""
STEPS = (
    Flag("step", ("-p", "--step"), list, "A pass with its options, as prune:threshold=0.01; repeatable.", "STEP"),
    Flag("recipe", ("--recipe",), str, "A TOML file of [[step]] tables: pass = NAME and its options.", "FILE"),
)
JSON = (Flag("json", ("--json",), bool, "Print it as JSON on standard output."),)
MODEL = (Argument("model", "The model; not given or -: standard input.", False),)
PAIR = (Argument("reference", "The original model.", True), Argument("candidate", "The model made from it.", True))


def all_commands() -> list[Command]:
    """Return every command, the passes first."""
    run = "Apply several steps in one process, with one check at the end."
    more = f"{run}\n\nAs in: lwc run model.onnx -p strip -p prune:threshold=0.01 -p quantize:bits=8 -o small.onnx\n\n" \
        "The passes and their options: lwc passes."
    verify = "Run two models on the same inputs and compare their outputs."
    inspect = "Show sizes, types, encodings, MACs and what could be saved."
    passes = "List the passes and their options."
    return [
        *(_of_pass(p) for p in registry.all_passes()),
        Command("run", run, more, MODEL, (*STEPS, *COMPRESSING), _run),
        Command("verify", verify, verify, PAIR, (*REPORT, *CHECK, *GATES, *JSON), _verify),
        Command("inspect", inspect, inspect, (), (), _inspect),
        Command("passes", passes, passes, (), JSON, _passes),
    ]


def _of_pass(which: registry.Pass) -> Command:
    words = {int: "INTEGER", float: "NUMBER", str: "NAME", bool: "", list: "TEXT"}
    own = tuple(Flag(p.name, (p.flag,), p.kind if p.kind in (bool, list) else str, described(p), p.option.metavar or words[p.kind])
                for p in which.parameters)

    def body(given: Given) -> None:
        from lightweight_cli.pipeline import recipe

        options = {p.name: given[p.name] for p in which.parameters if given[p.name] not in (None, False, [])}
        _compress(which.name, [recipe.make(which.name, options)], given)

    return Command(which.name, which.summary, help_text(which), MODEL, (*own, *COMPRESSING), body)


def _compress(name: str, steps: list[Any], given: Given) -> None:
    from lightweight_cli.cli.compressing import Job, compress
    from lightweight_cli.cli.portions import divided

    if given["no_check"]:
        needed = next((flag for flag in COMPRESSING if flag.name in NEED_CHECK and given[flag.name] not in (None, [])), None)
        if needed is not None:
            raise UsageError(f"{needed.flags[-1]}: needs the check, which --no-check leaves out")
    check, gates = _checks(given)
    refuse_missing(given["calibrate"])
    calibrate, check = divided(steps, given["calibrate"], None if given["no_check"] else check, given["samples"], given["seed"])
    compress(Job(name, given["model"], steps, given["output"], given["force"], given["quiet"], given["against"],
                 check, gates, tuple(given["report"]), calibrate))


def _checks(given: Given) -> tuple[Any, Any]:
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


def _run(given: Given) -> None:
    from lightweight_cli.pipeline import recipe

    if bool(given["step"]) == bool(given["recipe"]):
        raise UsageError("run: give the steps, either as -p STEP or as --recipe FILE")
    if not given["recipe"]:
        _compress("run", [recipe.parse(s) for s in given["step"]], given)
        return
    from lightweight_cli.cli.recipe_options import merged

    found = recipe.read(given["recipe"])
    given = merged(given, "check", found.check, CHECK, given["recipe"])
    _compress("run", found.steps, merged(given, "gates", found.gates, GATES, given["recipe"]))


def _verify(given: Given) -> None:
    from lightweight_cli.cli.verifying import compare

    check, gates = _checks(given)
    compare(given["reference"], given["candidate"], check, gates, quiet=given["quiet"], json_out=given["json"],
            reports=tuple(given["report"]))


def _inspect(given: Given) -> None:
    """Reached for its help only: __main__ hands `lwc inspect` on before anything else is imported."""
    from lightweight_cli.inspect.command import HELP

    print(HELP, end="")


def _passes(given: Given) -> None:
    from lightweight_cli.cli.listing import as_json, as_text

    print(as_json() if given["json"] else as_text())
