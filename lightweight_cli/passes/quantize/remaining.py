"""What does not compute in integers: stored for float speed, or left as it is where decoding would take memory."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from lightweight_cli.errors import printable
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.weights.search import find_weights
from lightweight_cli.weights.selection import matches
from lightweight_cli.weights.weight import Weight

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context
    from lightweight_cli.weights.rewrite import Rewriter

COMPUTES = "computes in integers"
DECODED = "stays as it is: decoding it at load would take more memory"
Why = Callable[["Rewriter", Weight], str]


def remaining(context: Context, made: Collection[str], purpose: str, store: Callable[[Context, Why], int]) -> None:
    """Store what is left; for memory only tables of which rows are decoded when they are looked up.

    `made`: tensors that layers compute with, which are not told to be left alone.
    """
    weights = find_weights(context.model, Scopes(context.model.proto))
    only, exclude = (tuple(p for p in patterns if any(matches(p, w) for w in weights)) for patterns in (context.only, context.exclude))
    if (context.only and not only) or not weights:
        return
    rest = replace(context, only=only, exclude=exclude)

    def stays(rewriter: Rewriter, weight: Weight) -> str:
        if weight.name in made:
            return COMPUTES
        return DECODED if purpose == "memory" and id(weight) not in rewriter.by_rows else ""

    store(rest, stays)
    known = set(map(printable, made))
    context.step.left = [left for left in context.step.left if left.name not in known]
