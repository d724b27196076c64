"""--plan: what its value must be, known before the work. Light: every command reads it."""

from __future__ import annotations

from lightweight_cli.errors import UsageError, printable

SUFFIX = ".json"


def read_plan(text: str, flag: str) -> str:
    """Return the path of a plan. Raises: UsageError."""
    if not text.endswith(SUFFIX) or not text.isprintable():
        raise UsageError(f"{flag} {printable(text)}: must be the name of a {SUFFIX} file")
    return text
