"""The names that encodings give: short, as each is written two or three times, and such as no other tool gives.

    ~a, ~b    private to an encoded weight
    .d16      a table, a shape or a number that all encoded weights of a model share, named by what it is
    lwc12.q   the first, and
    lwc.bits  the second, as versions before the split trees wrote them

Light: `lwc inspect` reads it too.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator
from functools import cache

from lightweight_cli.weights.operator_inputs import ROWS

MARKS = "~^!%+=@#&*-"
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
SHORTEST = len(MARKS) * len(LETTERS)
"""How many names of two letters there are."""
INNER = re.compile(rf"lwc\d+\.|[{re.escape(MARKS)}][a-zA-Z0-9]{{1,3}}({re.escape(ROWS)})?$")
"""Names that are private to one encoded weight."""
SHARED = re.compile(r"\.[a-z]|lwc\.")
"""How names begin that all encoded weights of a model share."""
PLACE = "\x01\x02\x03\x04"
"""What stands for the marks in an emission that has no place in a model yet."""


def is_inner(name: str) -> bool:
    """Whether a name is private to one encoded weight."""
    return INNER.match(name) is not None


def is_shared(name: str) -> bool:
    """Whether all encoded weights of a model share what has this name."""
    return SHARED.match(name) is not None


def words(marks: str) -> Iterator[str]:
    """Yield names, the shortest first."""
    for length in itertools.count(1):
        for letters in itertools.product(LETTERS, repeat=length):
            yield from (mark + "".join(letters) for mark in marks)


@cache
def nth(marks: str, which: int) -> str:
    """Return the name that `words` yields after so many others."""
    which, mark = divmod(which, len(marks))
    letters = 1
    while which >= len(LETTERS) ** letters:
        which -= len(LETTERS) ** letters
        letters += 1
    return marks[mark] + "".join(LETTERS[which // len(LETTERS) ** i % len(LETTERS)] for i in reversed(range(letters)))


def unused(taken: Collection[str]) -> Iterator[str]:
    """Yield inner names that are not taken, the shortest first."""
    return (name for name in words(MARKS) if name not in taken)
