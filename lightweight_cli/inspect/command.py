"""`lwc inspect`: arguments in, a table or JSON on standard output; kept light, for it is called often."""

from __future__ import annotations

import gc
import os
import sys

from lightweight_cli.errors import EXIT_OK, LwcError, UsageError, printable
from lightweight_cli.inspect.document import report_dict

HELP = """\
Usage: lwc inspect [MODEL] [--all] [--deep] [--dim NAME=SIZE]... [--target NAME] [--min-runtime VERSION] [--json]

Show what a model is made of: sizes by tensor, operator, type and encoding, parameters, MACs,
and what each pass could save. MODEL missing or -: standard input.

  --all            list every tensor, not only the largest
  --deep           read the weights too: zeros, distinct values, equal tensors; infer missing shapes for MACs
  --dim NAME=SIZE  size of a symbolic dimension, for MACs; 1 when not given; may be repeated;
                   with --deep also input[axis]=SIZE, for a dimension without a name
  --target NAME    say what this place does not take of the model, and which passes it does not: lwc targets lists them
  --min-runtime VERSION  the same for the oldest onnxruntime that is to load the model, as in 1.17
  --json           print everything as one JSON document
  -h, --help       show this text
"""
FLAGS = ("--all", "--deep", "--json")
WORDS = ("--target", "--min-runtime")
NARROWEST = 60
WITHOUT_TERMINAL = 140


class Arguments:
    """What the command line asks for."""

    def __init__(self) -> None:
        self.model: str | None = None
        self.flags: set[str] = set()
        self.sizes: dict[str, int] = {}
        self.values: dict[str, str] = {}
        """Options that take a word."""


def main(argv: list[str]) -> int:
    """Run `lwc inspect` with the arguments after that word.

    Returns: the exit code; errors are one line on standard error.
    """
    collecting = gc.isenabled()
    gc.disable()  # the records live until the end: collections would only walk them again and again
    try:
        if "-h" in argv or "--help" in argv:
            return _print(HELP)
        wanted = parse(argv)
        target = None
        if wanted.values:
            from lightweight_cli.targets.table import asked

            target = asked(wanted.values.get("--target"), wanted.values.get("--min-runtime"))
        if "--deep" in wanted.flags:
            from lightweight_cli.runtime.importing import importing

            with importing():
                import onnx  # noqa: F401  which infers shapes
        document = report_dict(wanted.model, deep="--deep" in wanted.flags, sizes=wanted.sizes, target=target)
        if "--json" in wanted.flags:
            import json

            return _print(json.dumps(document, indent=1) + "\n")
        from lightweight_cli.inspect.formatting import Style
        from lightweight_cli.inspect.table import render

        terminal = sys.stdout.isatty()
        style = Style(terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb")
        return _print(render(document, _width(terminal), style, "--all" in wanted.flags))
    except LwcError as error:
        print(f"lwc: error: {error}", file=sys.stderr)
        return error.exit_code
    finally:
        if collecting:
            gc.enable()


def parse(argv: list[str]) -> Arguments:
    """Read the arguments.

    Raises: UsageError.
    """
    found, rest, options = Arguments(), list(argv), True
    while rest:
        word = rest.pop(0)
        if options and word == "--":
            options = False
        elif options and word in FLAGS:
            found.flags.add(word)
        elif options and (word == "--dim" or word.startswith("--dim=")):
            if word == "--dim" and not rest:
                raise UsageError("--dim needs NAME=SIZE, as in --dim batch=1")
            name, size = _dim(rest.pop(0) if word == "--dim" else word[6:])
            found.sizes[name] = size
        elif options and word.partition("=")[0] in WORDS:
            name, sign, value = word.partition("=")
            if not sign and not rest:
                raise UsageError(f"{name} needs a value: lwc targets lists them")
            found.values[name] = value if sign else rest.pop(0)
        elif options and word.startswith("-") and word != "-":
            raise UsageError(f"unknown option {printable(word)}: inspect has {', '.join((*FLAGS, *WORDS))}, --dim, --help")
        elif found.model is not None:
            raise UsageError(f"one MODEL, but {printable(found.model)} and {printable(word)} are given")
        else:
            found.model = word
    return found


def _dim(text: str) -> tuple[str, int]:
    name, _, size = text.rpartition("=")
    if not name or not size.isdecimal() or len(size) > 12 or int(size) < 1:
        raise UsageError(f"--dim {printable(text)}: give NAME=SIZE with a size of 1 or more, as in --dim batch=1")
    return name, int(size)


def _width(terminal: bool) -> int:
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and 0 < len(columns) < 6:
        return max(int(columns), NARROWEST)
    if not terminal:
        return WITHOUT_TERMINAL
    try:
        return max(os.get_terminal_size(1).columns, NARROWEST)
    except OSError:
        return WITHOUT_TERMINAL


def _print(text: str) -> int:
    """Write `text` to standard output; characters that it can't encode are escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()
    return EXIT_OK
