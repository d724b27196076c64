"""What an option of a pass accepts, and how its value is read: on the command line, in a recipe, in TOML."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from lightweight_cli.errors import UsageError, one_of, printable


class Option(NamedTuple):
    """What a pass's parameter accepts, beside its type and default."""

    help: str
    min: float | None = None
    max: float | None = None
    open_min: bool = False
    """The minimum itself is not allowed."""
    choices: tuple[Any, ...] = ()
    metavar: str = ""
    """What stands for the value in the help, where its type says too little."""
    read: Callable[[str, str], Any] | None = None
    """Called with a text and the option it is given for: raises UsageError for one that it does not understand."""
    recorded: bool = False
    """What a search wrote into a recipe: too long for the step's name."""

    @property
    def allowed(self) -> str:
        """The allowed values in words."""
        if self.choices:
            return one_of(self.choices)
        low = "" if self.min is None else f"{'more than' if self.open_min else 'at least'} {self.min:g}"
        high = "" if self.max is None else f"at most {self.max:g}"
        return " and ".join(filter(None, (low, high)))


class Parameter(NamedTuple):
    """One option of a pass."""

    name: str
    kind: type
    default: Any
    option: Option

    @property
    def word(self) -> str:
        """The name in recipes and reports: a parameter `for_` is called for."""
        return self.name.rstrip("_")

    @property
    def flag(self) -> str:
        """The name as an option of the command."""
        return "--" + self.word.replace("_", "-")

    def parse(self, value: Any, where: str) -> Any:
        """Return `value` (text, or a TOML value) in the parameter's type. Raises: UsageError."""
        if value is True and self.kind is not bool:
            raise UsageError(f"{where}: {self.flag} needs a value{': ' + self.option.allowed if self.option.allowed else ''}")
        shown = f"{where}: {self.flag} {printable(value)}"
        if self.kind is list:
            items = tuple(value) if isinstance(value, (list, tuple)) else (value,)
            if not all(isinstance(i, str) and i for i in items):
                raise UsageError(f"{shown}: must be text, or a list of it")
            return items
        if self.kind is bool:
            words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
            if str(value).lower() not in words:
                raise UsageError(f"{shown}: must be true or false")
            return words[str(value).lower()]
        try:
            parsed = self.kind(str(value))  # of another type in TOML: 8.5 is no whole number, true is none at all
        except ValueError:
            raise UsageError(f"{shown}: must be {'a whole number' if self.kind is int else 'a number'}"
                             f"{', ' + self.option.allowed if self.option.allowed else ''}") from None
        o = self.option
        if o.read is not None:
            o.read(parsed, f"{where}: {self.flag}")
        bad = o.choices and parsed not in o.choices
        if self.kind in (int, float):
            bad = bad or not math.isfinite(parsed) or (o.max is not None and parsed > o.max) or (
                o.min is not None and (parsed < o.min or (o.open_min and parsed == o.min)))
        if bad:
            raise UsageError(f"{shown}: must be {o.allowed or 'a finite number'}")
        return parsed
