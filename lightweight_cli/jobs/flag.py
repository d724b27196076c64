"""What an option of a command is."""

from __future__ import annotations

from typing import Any, NamedTuple

Given = dict[str, Any]
"""Every argument and option of a call by name."""


class Flag(NamedTuple):
    """One option of a command: `kind` is bool (a switch), int, float, str or list (of str, repeatable)."""

    name: str
    flags: tuple[str, ...]
    kind: type
    help: str
    metavar: str = ""
    start: Any = None

    @property
    def default(self) -> Any:
        """The value when the option is not given."""
        return False if self.kind is bool else [] if self.kind is list else self.start
