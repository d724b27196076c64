"""The one table of passes. Commands, recipes, documentation and tests read it; nothing is declared twice."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, get_args, get_origin

from lightweight_cli.errors import UsageError, one_of, printable

if TYPE_CHECKING:
    from lightweight_cli.model_io import Model


class Option(NamedTuple):
    """What a pass's parameter accepts, beside its type and default."""

    help: str
    min: float | None = None
    max: float | None = None
    open_min: bool = False
    """The minimum itself is not allowed."""
    choices: tuple[Any, ...] = ()

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
    def flag(self) -> str:
        """The name as an option of the command."""
        return "--" + self.name.replace("_", "-")

    def parse(self, value: Any, where: str) -> Any:
        """Return `value` (text, or a TOML value) in the parameter's type. Raises: UsageError."""
        if value is True and self.kind is not bool:
            raise UsageError(f"{where}: {self.flag} needs a value{': ' + self.option.allowed if self.option.allowed else ''}")
        shown = f"{where}: {self.flag} {printable(value)}"
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
        bad = o.choices and parsed not in o.choices
        if self.kind in (int, float):
            bad = bad or not math.isfinite(parsed) or (o.max is not None and parsed > o.max) or (
                o.min is not None and (parsed < o.min or (o.open_min and parsed == o.min)))
        if bad:
            raise UsageError(f"{shown}: must be {o.allowed or 'a finite number'}")
        return parsed


class Pass(NamedTuple):
    """A named transform of a model."""

    name: str
    lossy: bool
    unit: str
    function: Callable[..., int]
    parameters: tuple[Parameter, ...]
    grows: bool = False
    """Its result is meant to be larger."""

    @property
    def summary(self) -> str:
        """The first line of the documentation."""
        return (inspect.getdoc(self.function) or "").split("\n", 1)[0]

    @property
    def documentation(self) -> str:
        """The whole documentation."""
        return inspect.getdoc(self.function) or ""


PASSES: dict[str, Pass] = {}


def register(*, lossy: bool, unit: str, grows: bool = False) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Declare a pass: its name, options and help are read from the function.

    `unit` says in words what the returned number counts; a file may get larger only by a pass that `grows`.
    """

    def declare(function: Callable[..., int]) -> Callable[..., int]:
        name = function.__name__.replace("_", "-")
        PASSES[name] = Pass(name, lossy, unit, function, tuple(_parameters(function)), grows)
        return function

    return declare


def _parameters(function: Callable[..., int]) -> list[Parameter]:
    found = []
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        hint = parameter.annotation
        if isinstance(hint, str):
            hint = eval(hint, function.__globals__)  # our own declarations, never input
        base, option = get_args(hint)[:2] if get_origin(hint) is Annotated else (hint, Option(""))
        kind = next((t for t in get_args(base) if t is not type(None)), base)
        found.append(Parameter(parameter.name, kind, parameter.default, option))
    return found


def get(name: str) -> Pass:
    """Return the pass called `name`. Raises: UsageError."""
    import lightweight_cli.passes  # noqa: F401  the declarations

    if name not in PASSES:
        raise UsageError(f"pass {printable(name)!r} is unknown; known: {', '.join(PASSES)}")
    return PASSES[name]


def all_passes() -> list[Pass]:
    """Return every pass, in the order of their declaration."""
    import lightweight_cli.passes  # noqa: F401  the declarations

    return list(PASSES.values())


def apply(which: Pass, model: Model, options: dict[str, Any]) -> int:
    """Run a pass on a model. Returns: how many things it changed."""
    return which.function(model, **options)
