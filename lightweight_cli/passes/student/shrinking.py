"""The copy: blocks leave first, so that channels are chosen for the layers that stay."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lightweight_cli.errors import UsageError
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.passes.prune_channels.removal import Wanted, remove_channels
from lightweight_cli.weights.search import find_weights
from lightweight_cli.weights.selection import matches

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context

IMPORTANCE = "auto"
NOTHING = Wanted(None, None, None)


def shrink(context: Context, width: float | None, depth: float | None) -> int:
    """Keep these shares of channels and blocks; 1 and None are all. Returns: the channels removed. Raises: UsageError."""
    if width is None and depth is None:
        raise UsageError("student: give --width, --depth or both")
    if depth is not None and depth < 1:
        if context.portion is None:
            raise UsageError(f"student: --depth {depth:g} is measured, and --no-check keeps the model from being run: give data or --width")
        remove_channels(context, NOTHING._replace(depth=1 - depth), IMPORTANCE, True)
    if width is not None and width < 1:
        left = there(context)
        if context.only and not left.only:
            context.step.note("no channels go: all that --only chose left with their blocks")
        else:
            remove_channels(left, NOTHING._replace(channels=1 - width), IMPORTANCE, True)
    return context.step.changed


def there(context: Context) -> Context:
    """Return the context without the patterns of --only all of whose weights have left; what is excluded never leaves."""
    weights = find_weights(context.model, Scopes(context.model.proto))
    return replace(context, only=tuple(p for p in context.only if context.step.changed == 0 or any(matches(p, w) for w in weights)))
