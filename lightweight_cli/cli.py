"""The command line: one command a pass, made from its declaration, and run, verify, inspect, passes. No logic."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from lightweight_cli import registry
from lightweight_cli.listing import described, help_text
from lightweight_cli.registry import Pass

MODEL = Annotated[str | None, typer.Argument(metavar="MODEL", help="The model; missing or -: standard input.", show_default=False)]


def _option(*names: str, help: str, **more: Any) -> Any:
    return typer.Option(*names, help=help, show_default=False, **more)


COMMON: dict[str, tuple[Any, Any]] = {
    "output": (str | None, _option("-o", "--output", metavar="FILE", help="Where the result goes; -: standard output.")),
    "force": (bool, _option("-f", "--force", help="Replace an existing file, the input too.")),
    "quiet": (bool, _option("-q", "--quiet", help="Print nothing but errors.")),
    "report": (list[str], _option("--report", metavar="FILE", help="Write the report to a .json, .md or .html file; repeatable.")),
}
CHECK: dict[str, tuple[Any, Any]] = {
    "data": (list[str], _option("--data", metavar="FILE", help="Inputs: .npz, .npy, test_data_set_N, FILE.py:reader; repeatable.")),
    "labels": (str | None, _option("--labels", metavar="FILE", help="Labels for the data: .npy or .npz.")),
    "metric": (str | None, _option("--metric", metavar="NAME", help="Metric on the labels; chosen from them when not given.")),
    "max_drop": (float | None, _option("--max-drop", metavar="NUMBER", help="Gate: largest drop of the metric.")),
    "min_sqnr": (float | None, _option("--min-sqnr", metavar="NUMBER", help="Gate: smallest SQNR of an output, in dB.")),
    "min_agreement": (float | None, _option("--min-agreement", metavar="NUMBER", help="Gate: smallest top-1 agreement.")),
    "max_size": (str | None, _option("--max-size", metavar="SIZE", help="Gate: largest file, as in 300KB, 5MB.")),
    "max_slowdown": (float | None, _option("--max-slowdown", metavar="NUMBER", help="Gate: largest latency ratio.")),
    "seed": (int, _option("--seed", metavar="INTEGER", help="Seed of the synthetic inputs.")),
}
RESULT: dict[str, tuple[Any, Any]] = {
    "against": (str | None, _option("--against", metavar="MODEL", help="Compare with this model instead of MODEL.")),
    "no_check": (bool, _option("--no-check", help="Do not run the models: write the result unverified.")),
}
JSON: dict[str, tuple[Any, Any]] = {"json": (bool, _option("--json", help="Print it as JSON on standard output."))}
DEFAULTS: dict[str, Any] = {"json": False, "force": False, "quiet": False, "report": [], "data": [], "no_check": False, "seed": 0}


def _common(names: dict[str, tuple[Any, Any]]) -> list[inspect.Parameter]:
    return [inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=DEFAULTS.get(n), annotation=Annotated[kind, option])
            for n, (kind, option) in names.items()]


def _pass_option(p: registry.Parameter) -> inspect.Parameter:
    option = _option(p.flag, help=described(p), metavar=None if p.kind is bool else {int: "INTEGER", float: "NUMBER"}.get(p.kind, "NAME"))
    kind, default = (bool, False) if p.kind is bool else (str | None, None)
    return inspect.Parameter(p.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])  # type: ignore[valid-type]


Parameters = Callable[[], "list[inspect.Parameter]"]


class Commands(typer.Typer):
    """The commands of lwc. With `words`, those of the command line, only what they mention is built.

    typer prepares a validator for every option it is given, which takes longer than to compress a small model.
    """

    def __init__(self, words: list[str] | None) -> None:
        super().__init__(
            name="lwc", rich_markup_mode=None, add_completion=False, help="Make ONNX models smaller, and say exactly what it cost.",
            context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}, epilog=EPILOG)
        self.words = words

    def add(self, name: str, help: str, summary: str, parameters: Parameters, body: Callable[[dict[str, Any]], None]) -> None:
        """Add a command whose body gets all its options by name."""
        every = parameters() if self.words is None or name in self.words else []
        defaults = {p.name: p.default for p in every}

        def function(**given: Any) -> None:
            body({**defaults, **given})

        function.__signature__ = inspect.Signature(mentioned(every, self.words))  # type: ignore[attr-defined]
        self.command(name, help=help, short_help=summary)(function)


def mentioned(parameters: list[inspect.Parameter], words: list[str] | None) -> list[inspect.Parameter]:
    """Return the arguments, and the options that `words` name; all where help or an unknown option asks for them."""
    flags = {p.name: p.annotation.__metadata__[0].param_decls or () for p in parameters}
    if words is None:
        return parameters
    used: set[str] = set()
    for word in (w.partition("=")[0] for w in words if w.startswith("-") and w not in ("-", "--")):
        owners = {n for n, names in flags.items() if word in names or (
            word[1] != "-" and any(f[1] in word for f in names if len(f) == 2))}
        if not owners:
            return parameters
        used |= owners
    return [p for p in parameters if not flags[p.name] or p.name in used]


EPILOG = "MODEL missing or '-' is standard input; without -o the result goes down the pipe, or beside MODEL at a terminal."


def _compressing(own: list[inspect.Parameter]) -> list[inspect.Parameter]:
    """Return the parameters of a compressing command, given its own."""
    model = inspect.Parameter("model", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=MODEL)
    return [model, *own, *_common({**COMMON, **CHECK, **RESULT})]


def _add_pass(app: Commands, which: Pass) -> None:
    def body(given: dict[str, Any]) -> None:
        from lightweight_cli import recipe

        options = {p.name: given[p.name] for p in which.parameters if given[p.name] not in (None, False)}
        _compress(which.name, [recipe.make(which.name, options)], given)

    app.add(which.name, help_text(which), which.summary, lambda: _compressing([_pass_option(p) for p in which.parameters]), body)


def _compress(name: str, steps: list[Any], given: dict[str, Any]) -> None:
    from lightweight_cli.compressing import Job, compress

    check, gates = _checks(given)
    compress(Job(name, given["model"], steps, given["output"], given["force"], given["quiet"], given["against"],
                 None if given["no_check"] else check, gates, tuple(given["report"])))


def _checks(given: dict[str, Any]) -> tuple[Any, Any]:
    """Return the Check and the Gates that the options ask for."""
    from lightweight_cli.gates import Gates, parse_size
    from lightweight_cli.judge import Check

    size = parse_size(given["max_size"]) if given.get("max_size") else None
    gates = Gates(given["max_drop"], given["min_sqnr"], given["min_agreement"], size, given["max_slowdown"])
    return Check(tuple(given["data"]), given["labels"], given["metric"], seed=given["seed"]), gates


def _run(given: dict[str, Any]) -> None:
    from lightweight_cli import recipe
    from lightweight_cli.errors import UsageError

    if bool(given["step"]) == bool(given["recipe"]):
        raise UsageError("run: give the steps, either as -p STEP or as --recipe FILE")
    _compress("run", recipe.read(given["recipe"]) if given["recipe"] else [recipe.parse(s) for s in given["step"]], given)


def _run_parameters() -> list[inspect.Parameter]:
    return _compressing([
        inspect.Parameter("step", inspect.Parameter.KEYWORD_ONLY, default=[], annotation=Annotated[
            list[str], _option("-p", "--step", metavar="STEP", help="A pass with its options, as prune:threshold=0.01; repeatable.")]),
        inspect.Parameter("recipe", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[
            str | None, _option("--recipe", metavar="FILE", help="A TOML file of [[step]] tables: pass = NAME and its options.")]),
    ])


def _verify(given: dict[str, Any]) -> None:
    from lightweight_cli.verifying import compare

    check, gates = _checks(given)
    compare(given["reference"], given["candidate"], check, gates, quiet=given["quiet"], json_out=given["json"],
            reports=tuple(given["report"]))


def _verify_parameters() -> list[inspect.Parameter]:
    models = (("reference", "The original model."), ("candidate", "The model made from it."))
    arguments = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Annotated[
        str, typer.Argument(metavar=name.upper(), help=text)]) for name, text in models]
    return [*arguments, *_common({**{k: COMMON[k] for k in ("quiet", "report")}, **CHECK, **JSON})]


def _inspect(given: dict[str, Any]) -> None:
    from lightweight_cli.inspect_model.command import main

    raise typer.Exit(main(sys.argv[2:]))  # reached for `lwc inspect` in odd places only: __main__ takes the short way


def _passes(given: dict[str, Any]) -> None:
    from lightweight_cli.listing import as_json, as_text

    typer.echo(as_json() if given["json"] else as_text())


def _version(value: bool) -> None:
    if value:
        from lightweight_cli import __version__

        typer.echo(f"lwc {__version__}")
        raise typer.Exit


def _root(version: Annotated[bool, _option("--version", callback=_version, is_eager=True, help="Print the version.")] = False) -> None:
    pass


def build(words: list[str] | None = None) -> Commands:
    """Return the application, or as much of it as the command line `words` needs."""
    app = Commands(words)
    app.callback()(_root)
    for each in registry.all_passes():
        _add_pass(app, each)
    for name, summary, parameters, body in (
        ("run", "Apply several steps in one process, with one check at the end.", _run_parameters, _run),
        ("verify", "Run two models on the same inputs and compare their outputs.", _verify_parameters, _verify),
        ("inspect", "Show sizes, types, encodings, MACs and what could be saved.", list, _inspect),
        ("passes", "List the passes and their options.", lambda: _common(JSON), _passes),
    ):
        app.add(name, summary, summary, parameters, body)
    return app


def run() -> int:
    """Run the command line. Returns: the exit status of success; every failure is an exception."""
    words = sys.argv[1:] or ["--help"]
    result = build(words)(words, standalone_mode=False)
    return result if isinstance(result, int) else 0
