"""Every error a user can meet, with its exit code."""

from __future__ import annotations

from collections.abc import Iterable

EXIT_OK = 0
EXIT_BUG = 1
EXIT_USAGE = 2
EXIT_INPUT = 3
EXIT_GATE = 4
EXIT_OUTPUT = 5
EXIT_INTERRUPT = 130
EXIT_BROKEN_PIPE = 141


class LwcError(Exception):
    """An error of one line that names the thing, the value and what is allowed."""

    exit_code = EXIT_BUG


class UsageError(LwcError):
    """An option, step or combination that lwc does not accept."""

    exit_code = EXIT_USAGE


class InputError(LwcError):
    """A model or data file that is missing, unreadable or invalid."""

    exit_code = EXIT_INPUT


class DataError(InputError):
    """Evaluation data or labels that can be read, and do not fit the model or each other."""


class GateError(LwcError):
    """A gate that failed, or that could not be evaluated."""

    exit_code = EXIT_GATE


class OutputError(LwcError):
    """A result that could not be written."""

    exit_code = EXIT_OUTPUT


class BrokenPromise(LwcError):
    """A result that does not load, run or keep its interface: a bug in lwc."""

    exit_code = EXIT_BUG


def in_python(message: str) -> str:
    """Return a message with the names of parameters where the command line has options and gates."""
    import re

    message = message.replace("-f replaces it", "force=True replaces it").replace("--no-check", "check=False")
    option = re.compile(r"(?<![\w./-])(?:--(?=[a-z])|(?=(?:max|min)-[a-z]))([a-z]+[0-9]?(?:-[a-z]+)*)\b(?!\.)")
    return option.sub(lambda found: found[1].replace("-", "_"), message)


def one_of(choices: Iterable[object]) -> str:
    """Return choices in words: "a, b or c"."""
    *most, last = map(str, choices)
    return f"{', '.join(most)} or {last}" if most else last


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """Return " (did you mean X?)" for what is close to a known word, or nothing."""
    import difflib

    spelled = {k.replace("-", "_"): k for k in known}
    close = difflib.get_close_matches(str(word)[:80].replace("-", "_"), spelled, 1)
    return f" (did you mean {spelled[close[0]]}?)" if close else ""


def printable(text: object, limit: int = 80) -> str:
    """Return untrusted `text` fit for one terminal line: escaped, at most `limit` characters."""
    safe = str(text)[: 4 * limit]
    if not safe.isprintable() or "\\" in safe:
        safe = "".join(c if c.isprintable() and c != "\\" else ascii(c)[1:-1] for c in safe)
    return safe if len(safe) <= limit else safe[: limit - 3] + "..."
