"""The one table of passes. Commands, recipes, documentation and tests read it; nothing is declared twice.

It imports no pass: `lightweight_cli.passes` hands its declarations over when it is imported, which entry points do.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, get_args, get_origin

from lightweight_cli.checking.amounts import parse_memory_limit
from lightweight_cli.errors import UsageError, did_you_mean, printable
from lightweight_cli.pipeline.option import Option, Parameter

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context


class Pass(NamedTuple):
    """A named transform of a model."""

    name: str
    lossy: bool
    unit: str
    function: Callable[..., int]
    grows: bool = False
    """Its result is meant to be larger."""
    selects: bool = False
    """It takes --only and --exclude, which the context keeps for it."""
    encodes: bool = False
    """It takes --load-memory, which the context keeps for it."""
    calibrates: Callable[[dict[str, Any]], bool] = lambda options: False
    """Whether it uses calibration data with these options."""
    searches: bool = False
    """It looks for the smallest model within the gates, which are its goal."""
    after: Callable[[dict[str, Any]], tuple[str, ...]] = lambda options: ()
    """The passes that its command applies first, with these options."""
    trains: bool = False
    """It learns from data: where they must judge too, more of them are for it than calibration takes."""
    first: str = ""
    """The option that its command takes as the first argument: a model, which the result is compared with."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Its options, read from the function when they are first asked for: the help of all commands asks for none."""
        return (*_parameters(self.function), *((LOAD_MEMORY,) if self.encodes else ()), *(SELECTION if self.selects else ()))

    @property
    def summary(self) -> str:
        """The first line of the documentation."""
        return (self.function.__doc__ or "").split("\n", 1)[0]

    @property
    def documentation(self) -> str:
        """The whole documentation."""
        return inspect.getdoc(self.function) or ""


PASSES: dict[str, Pass] = {}
SELECTION = (
    Parameter("only", list, (), Option(
        "Touch only weights that match: a glob on tensor or node names, or op:Gemm; repeatable.", metavar="GLOB")),
    Parameter("exclude", list, (), Option("Leave weights that match, written as for --only; repeatable.", metavar="GLOB")),
)
"""The options of every pass that selects."""


LOAD_MEMORY = Parameter("load_memory", str, None, Option(
    "Memory decoding may add at load: 1GB, or a ratio to the float model's own.",
    metavar="SIZE", read=parse_memory_limit))
"""The option of every pass that encodes."""
KEPT = (*(p.name for p in SELECTION), LOAD_MEMORY.name)
"""Options that the context keeps for a pass."""


def register(
    *, lossy: bool, unit: str, grows: bool = False, selects: bool = False, encodes: bool = False,
    calibrates: Callable[[dict[str, Any]], bool] = lambda options: False, searches: bool = False,
    after: Callable[[dict[str, Any]], tuple[str, ...]] = lambda options: (), trains: bool = False, first: str = "",
) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Declare a pass: its name, options and help are read from the function.

    `unit` says in words what the returned number counts; a file may get larger only by a pass that `grows`. One that
    `selects` takes --only and --exclude, one that `encodes` --load-memory; one that `calibrates`, given its options, is
    handed calibration data; one that `searches` is told the gates, and which data judge; `after`: what its command does first;
    one that `trains` is given most of the data; `first`: the option that its command takes as the first argument.
    """

    def declare(function: Callable[..., int]) -> Callable[..., int]:
        name = function.__name__.replace("_", "-")
        PASSES[name] = Pass(name, lossy, unit, function, grows, selects, encodes, calibrates, searches, after, trains, first)
        return function

    return declare


@cache
def _parameters(function: Callable[..., int]) -> tuple[Parameter, ...]:
    found, function = [], inspect.unwrap(function)
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        hint = parameter.annotation
        if isinstance(hint, str):
            hint = eval(hint, function.__globals__)  # our own declarations, never input
        base, option = get_args(hint)[:2] if get_origin(hint) is Annotated else (hint, Option(""))
        kind = list if get_origin(base) is list else next((t for t in get_args(base) if t is not type(None)), base)
        found.append(Parameter(parameter.name, kind, parameter.default, option))
    return tuple(found)


def get(name: str) -> Pass:
    """Return the pass called `name`. Raises: UsageError."""
    if name not in PASSES:
        raise UsageError(f"pass {printable(name)!r} is unknown{did_you_mean(name, PASSES)}; known: {', '.join(PASSES)}")
    return PASSES[name]


def all_passes() -> list[Pass]:
    """Return every pass, in the order of their declaration."""
    return list(PASSES.values())


def apply(which: Pass, context: Context, options: dict[str, Any]) -> int:
    """Run a pass. Returns: how many things it changed."""
    own = {k: v for k, v in options.items() if k not in KEPT}
    return which.function(context, **own)
