"""The tables [check], [gates] and [target] of a recipe: options under their own names; what the command line says wins."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from lightweight_cli.errors import UsageError, did_you_mean, printable
from lightweight_cli.jobs.flag import Flag, Given

NUMBERS: dict[str, tuple[type, ...]] = {"SIZE": (int,), "LIMIT": (int, float)}
"""Options that are text on the command line, where TOML may have a number."""


def merged(given: Given, table: str, found: dict[str, Any], flags: Sequence[Flag], path: str) -> Given:
    """Return the options `given` on the command line, completed by those `found` in a recipe's table.

    Files are named from the recipe's folder. Raises: UsageError.
    """
    known, result = {f.name: f for f in flags}, dict(given)
    for key, value in found.items():
        where = f"{printable(path)}, [{table}]"
        flag = known.get(key.replace("-", "_"))
        if flag is None:
            raise UsageError(f"{where}: {printable(key)!r} is unknown{did_you_mean(key, known)}; known: {', '.join(known)}")
        if given[flag.name] == flag.default:
            result[flag.name] = _read(flag, value, f"{where}: {printable(key)} {printable(value)}", os.path.dirname(path))
    return result


def _read(flag: Flag, value: Any, shown: str, folder: str) -> Any:
    """Return a TOML value as the command line would have given it. Raises: UsageError."""
    if flag.kind is list:
        items = value if isinstance(value, list) else [value]
        if not all(isinstance(i, str) for i in items):
            raise UsageError(f"{shown}: must be text, or a list of texts")
        return [_located(flag, i, folder) for i in items]
    if flag.kind is bool or flag.kind is str:
        number = type(value) in NUMBERS.get(flag.metavar, ())
        if not isinstance(value, flag.kind) and not number:
            raise UsageError(f"{shown}: must be {'true or false' if flag.kind is bool else 'text'}")
        return value if flag.kind is bool else _located(flag, str(value), folder)
    if type(value) not in (int, flag.kind):
        raise UsageError(f"{shown}: must be {'a whole number' if flag.kind is int else 'a number'}")
    return flag.kind(value)


def _located(flag: Flag, text: str, folder: str) -> str:
    return os.path.join(folder, text) if flag.metavar == "FILE" else text
