"""Every command as data: its arguments, options and what it calls. The command line and the quick way in read it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import lightweight_cli.passes  # noqa: F401  hands over the declarations
from lightweight_cli.cli.listing import described, help_text
from lightweight_cli.errors import UsageError
from lightweight_cli.jobs.asked import asked_for, checks, refuse_missing
from lightweight_cli.jobs.flag import Flag, Given
from lightweight_cli.jobs.options import CHECK, COMPRESSING, GATES, JSON, NEED_CHECK, REPORT, SENSITIVITY, STEPS, TARGET
from lightweight_cli.pipeline import registry
from lightweight_cli.runtime.importing import importing


class Argument(NamedTuple):
    """A positional argument."""

    name: str
    help: str
    required: bool
    many: bool = False
    """The last one may take all words that are left: its value is a list."""


class Command(NamedTuple):
    """A command: `body` is called with every argument and option by name."""

    name: str
    summary: str
    help: str
    arguments: tuple[Argument, ...]
    flags: tuple[Flag, ...]
    body: Callable[[Given], None]


LADDER = "Each weight is rounded to nearest at 8, 6, 4, 3 and 2 bits, and loses 50, 70 and 90 % of its weights, the smallest; all others "\
    "stay as they are. The table on standard output has the worst weight first, and below it the options that leave the worst ones out of "\
    "quantize, prune or share."
MODEL = (Argument("model", "The model; not given or -: standard input.", False),)
TWO = (Argument("teacher", "The model to learn from.", True), Argument("model", "The student.", True))
PAIR = (Argument("reference", "The original model.", True), Argument("candidate", "The model made from it, or several.", True, True))


def all_commands(called: Collection[str] | None = None) -> list[Command]:
    """Return every command, the passes first; with `called`, other passes have no options, and their summary for help."""
    run = "Apply several steps at once, with one check at the end."
    more = f"{run}\n\nAs in: lwc run model.onnx -p strip -p prune:threshold=0.01 -p quantize:bits=8 -o small.onnx\n\n" \
        "The passes and their options: lwc passes."
    verify = "Run two models on the same inputs and compare their outputs."
    sensitivity = "Show what the outputs lose by each weight, changed alone."
    inspect = "Show sizes, types, encodings, MACs and what could be saved."
    passes = "List the passes and their options."
    targets = "List where models may go, and what each place cannot take."
    return [
        *(_of_pass(p) if called is None or p.name in called else Command(p.name, p.summary, p.summary, MODEL, (), _uncalled)
          for p in registry.all_passes()),
        Command("run", run, more, MODEL, (*STEPS, *COMPRESSING), _run),
        Command("verify", verify, verify, PAIR, (*REPORT, *CHECK, *GATES, *JSON), _verify),
        Command("sensitivity", sensitivity, f"{sensitivity}\n\n{LADDER}", MODEL, (*SENSITIVITY, *REPORT, *JSON), _sensitivity),
        Command("inspect", inspect, inspect, (), (), _inspect),
        Command("passes", passes, passes, (), JSON, _passes),
        Command("targets", targets, targets, (), JSON, _targets),
    ]


def _of_pass(which: registry.Pass) -> Command:
    words = {int: "INTEGER", float: "NUMBER", str: "NAME", bool: "", list: "TEXT"}
    own = tuple(Flag(p.name, (p.flag,), p.kind if p.kind in (bool, list) else str, described(p), p.option.metavar or words[p.kind])
                for p in which.parameters)

    names = {p.name for p in which.parameters}
    common = tuple(f for f in COMPRESSING if f.name not in names and not (which.first and f.name == "against"))

    def body(given: Given) -> None:
        from lightweight_cli.pipeline import recipe

        options = {p.name: given[p.name] for p in which.parameters if given[p.name] not in (None, False, [])}
        first = [recipe.make(name, {}) for name in which.after(options)]
        shared = {f.name: f.default if f.name in names else given.get(f.name, f.default) for f in COMPRESSING}
        against = {"against": given[which.first]} if which.first and not given["no_check"] else {}
        _compress(which.name, [*first, recipe.make(which.name, options)], {**given, **shared, **against})

    return Command(which.name, which.summary, help_text(which), TWO if which.first else MODEL,
                   (*(f for f in own if f.name != which.first), *common), body)


def _uncalled(given: Given) -> None:
    raise AssertionError("the command that runs is among those called")


def _compress(name: str, steps: list[Any], given: Given) -> None:
    with importing():
        from lightweight_cli.checking.amounts import parse_size
        from lightweight_cli.cli.compressing import Job, compress
        from lightweight_cli.cli.portions import shared

    memory = parse_size(given["calibration_memory"]) if given["calibration_memory"] else None
    if given["no_check"]:
        needed = next((flag for flag in COMPRESSING if flag.name in NEED_CHECK and given[flag.name] not in (None, [], False)), None)
        if needed is not None:
            raise UsageError(f"{needed.flags[-1]}: needs the check, which --no-check leaves out")
    check, gates = checks(given)
    refuse_missing(given["calibrate"])
    calibrate, check, wanted = shared(steps, given["calibrate"], None if given["no_check"] else check, gates, given["samples"],
                                      given["seed"], memory)
    place = asked_for(given["target"], given["min_runtime"], steps)
    compress(Job(name, given["model"], steps, given["output"], given["force"], given["quiet"], given["against"],
                 check, gates, tuple(given["report"]), calibrate, wanted, given["best_effort"], given["save_recipe"], place))


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
    given = merged(given, "target", found.target, TARGET, given["recipe"])
    _compress("run", found.steps, merged(given, "gates", found.gates, GATES, given["recipe"]))


def _verify(given: Given) -> None:
    with importing():
        from lightweight_cli.cli.verifying import compare

    check, gates = checks(given)
    compare(given["reference"], tuple(given["candidate"]), check, gates, quiet=given["quiet"], json_out=given["json"],
            reports=tuple(given["report"]))


def _sensitivity(given: Given) -> None:
    with importing():
        from lightweight_cli.cli.sensing import sense

    sense(given)


def _inspect(given: Given) -> None:
    """Reached for its help only: __main__ hands `lwc inspect` on before anything else is imported."""
    from lightweight_cli.inspect.command import HELP

    print(HELP, end="")


def _passes(given: Given) -> None:
    from lightweight_cli.cli.listing import as_json, as_text

    print(as_json() if given["json"] else as_text())


def _targets(given: Given) -> None:
    from lightweight_cli.cli.places import as_json, as_text

    print(as_json() if given["json"] else as_text())
