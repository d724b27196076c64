"""The words of a search's goal: a size, or a share of the original's; and what one weight becomes, as a recipe has it."""

from __future__ import annotations

import math

from lightweight_cli.checking.amounts import UNITS, amount, parse_size
from lightweight_cli.errors import UsageError, printable
from lightweight_cli.search.items import Item, parse


def read_target(text: str, where: str, original: int = 1 << 62) -> int:
    """Return the bytes meant by "1MB" or "50%". Raises: UsageError."""
    share = amount(text.replace("%", "PERCENT"), {"PERCENT": 0.01}) if text.rstrip().endswith("%") else None
    if share is not None and 0 < share <= 1:
        return max(1, math.floor(share * original))
    if share is not None or amount(text, UNITS) is None:
        raise UsageError(f'{where} "{printable(text)}": must be a size, as 300KB or 5MB, or a share of the original, as 50%')
    return parse_size(text)


def read_item(text: str, where: str) -> tuple[str, Item]:
    """Return the weight's name and its item. Raises: UsageError."""
    name, sign, item = text.rpartition("=")
    if not sign or not name:
        raise UsageError(f"{where} {printable(text)}: must be NAME=STEP, as conv1.weight=0.35")
    return name, parse(item, f"{where} {printable(name)}")
