"""A choice without running the model: by the errors of weights, on what inputs are taken to be, for a size; or 8 bits for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lightweight_cli.checking.gates import GateResult
from lightweight_cli.data.portion import Portion
from lightweight_cli.passes.compress.seeing import seen_on
from lightweight_cli.search import allocation
from lightweight_cli.search.build import build
from lightweight_cli.search.gains import Explored
from lightweight_cli.search.items import Item
from lightweight_cli.search.layer import Layer
from lightweight_cli.search.loading import Room
from lightweight_cli.search.rounding import Rounded
from lightweight_cli.search.table import choices

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context


def unmeasured(context: Context, layers: Sequence[Layer], rest: int, most: int | None,
               room: Room | None) -> list[tuple[Item, Rounded]]:
    """Return what each layer becomes; relative errors of layers count alike."""
    step, seen = context.step, seen_on(Portion(()))
    step.expect(2 * sum(layer.weight.size for layer in layers))
    found = []
    for layer in layers:
        found.append(Explored(layer, choices(layer, seen(layer, None)), 1.0))
        step.advance(layer.weight.size)
    chosen = allocation.safe(found) if most is None else allocation.allocated(found, most - rest, room)
    built = build(None, layers, {id(layer): c.item for layer, c in zip(layers, chosen, strict=True)}, seen,
                  lambda layer: step.advance(layer.weight.size))
    size = rest + round(built.nbytes)
    if most is not None and size > most:
        step.goals.append(GateResult("target-size", most, size, False, None, True, "bytes"))
    return [(new.item, new) for new in built.rounded]
