"""The command line as a Typer application, made from the commands' declarations. No logic."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from lightweight_cli.cli.commands import Argument, Command, all_commands
from lightweight_cli.errors import UsageError, printable
from lightweight_cli.jobs.flag import Flag

EPILOG = "MODEL missing or '-' is standard input; without -o the result goes down the pipe, or beside MODEL at a terminal."


def build(words: list[str] | None = None) -> typer.Typer:
    """Return the application; with `words`, only the commands among them have their options."""
    app = typer.Typer(
        name="lwc", rich_markup_mode=None, add_completion=False, help="Make ONNX models smaller, and say exactly what it cost.",
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}, epilog=EPILOG)
    app.callback()(_root)
    for command in all_commands(words):
        app.command(command.name, help=command.help, short_help=command.summary)(
            _function(command, words is None or command.name in words))
    return app


def _function(command: Command, called: bool) -> Any:
    def function(**given: Any) -> None:
        command.body(given)

    parameters = [*map(_argument, command.arguments), *map(_option, command.flags)] if called else []
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return function


def _argument(argument: Argument) -> inspect.Parameter:
    info = typer.Argument(metavar=argument.name.upper(), help=argument.help, show_default=False)
    if argument.many:
        return inspect.Parameter(argument.name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Annotated[list[str], info])
    if argument.required:
        return inspect.Parameter(argument.name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Annotated[str, info])
    return inspect.Parameter(argument.name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=Annotated[str | None, info])


def _option(flag: Flag) -> inspect.Parameter:
    info = typer.Option(*flag.flags, help=flag.help, metavar=flag.metavar or None, show_default=False,
                        parser=_number(flag) if flag.kind in (int, float) else None)
    kind: Any = list[str] if flag.kind is list else flag.kind if flag.default is not None else flag.kind | None
    return inspect.Parameter(flag.name, inspect.Parameter.KEYWORD_ONLY, default=flag.default, annotation=Annotated[kind, info])


def _number(flag: Flag) -> Callable[[str], float]:
    """Return what reads the value of a numeric option. It raises UsageError."""
    def read(text: str) -> float:
        try:
            return flag.kind(text)  # type: ignore[no-any-return]
        except ValueError:
            what = "a whole number" if flag.kind is int else "a number"
            raise UsageError(f"{flag.flags[-1]} {printable(text)}: must be {what}") from None

    return read


def _version(value: bool) -> None:
    if value:
        from lightweight_cli.jobs.version import __version__

        typer.echo(f"lwc {__version__}")
        raise typer.Exit


def _root(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False) -> None:
    pass


def run() -> int:
    """Run the command line. Returns: the exit status of success; every failure is an exception."""
    words = sys.argv[1:] or ["--help"]
    result = build(words)(words, standalone_mode=False)
    return result if isinstance(result, int) else 0
