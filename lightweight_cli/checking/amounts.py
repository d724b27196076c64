"""Sizes and limits as people write them: 5MB, 500ms, 1.5 for one and a half times the original."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import NamedTuple

from lightweight_cli.errors import UsageError, printable

UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
         "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
SIZES: Mapping[str, float] = {name: factor for name, factor in UNITS.items() if name}
TIMES: Mapping[str, float] = {"MS": 1e-3, "S": 1.0}


class Limit(NamedTuple):
    """The most that something may be: of its own, or as a ratio to the original's."""

    value: float
    unit: str
    """"x" for a ratio, s for seconds, or bytes."""


def parse_size(text: str) -> int:
    """Return the bytes meant by "5MB", "300 KB", "1.5GiB" or "1234".

    Raises: UsageError.
    """
    size = amount(text, UNITS)
    if size is None or not 1 <= size < 2**63:
        raise UsageError(f'size "{printable(text)}" is not understood; write it like 300KB, 5MB or 1.5GiB')
    return math.floor(size)


def parse_time_limit(text: str, name: str) -> Limit:
    """Return the limit meant by "1.5" (a ratio), "2s" or "500ms". Raises: UsageError."""
    return _limit(text, TIMES, "s", f'{name} "{printable(text)}" is not understood; write a ratio like 1.5, or a time like 2s or 500ms')


def parse_memory_limit(text: str, name: str) -> Limit:
    """Return the limit meant by "1.5" (a ratio), "800MB" or "1GiB". Raises: UsageError."""
    return _limit(text, SIZES, "bytes", f'{name} "{printable(text)}" is not understood; write a ratio like 1.5, or a size like 1GiB')


def _limit(text: str, units: Mapping[str, float], unit: str, refusal: str) -> Limit:
    ratio, own = amount(text, {"": 1, "X": 1}), amount(text, units)
    value = own if ratio is None else ratio
    if value is None or not 0 < value < 2**63:
        raise UsageError(refusal)
    return Limit(value, unit if ratio is None else "x")


def amount(text: str, units: Mapping[str, float]) -> float | None:
    """Return a number times its unit, None for anything else."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([A-Za-z]*)\s*", text)
    factor = units.get(found[2].upper()) if found else None
    return float(found[1]) * factor if found and factor is not None else None
