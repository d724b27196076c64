"""A model built as a recipe says, without a search: the same items on the same data give the same codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lightweight_cli.data.portion import Portion
from lightweight_cli.errors import UsageError, printable
from lightweight_cli.passes.compress.seeing import seen_on
from lightweight_cli.pipeline.step_report import Calibrated
from lightweight_cli.search.build import build, unseen
from lightweight_cli.search.items import Item
from lightweight_cli.search.layer import Layer
from lightweight_cli.search.rounding import Rounded

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context


def planned(context: Context, layers: Sequence[Layer], items: Mapping[str, Item], portion: Portion,
            firm: bool, nearest: bool) -> list[tuple[Item, Rounded]]:
    """Return what each layer becomes. Raises: UsageError for a weight without an item, or an item without a weight."""
    known = {layer.key for layer in layers}
    for missing, said in ((known - items.keys(), "has no --item"), (items.keys() - known, "is no weight that can be compressed")):
        if missing:
            raise UsageError(f"compress: {printable(min(missing))} {said}; was the recipe made for another model?")
    step = context.step
    step.expect(sum(layer.weight.size for layer in layers))
    wanted = {id(layer): items[layer.key] for layer in layers}

    def advance(layer: Layer) -> None:
        step.advance(layer.weight.size)

    if nearest:
        built = build(None, layers, wanted, unseen, advance)
    else:
        with context.calibrated(portion).study(context.model, [layer.weight for layer in layers]) as study:
            step.calibrated = Calibrated(study.samples, study.of, portion.role == "calibrate")
            built = build(study, layers, wanted, seen_on(portion), advance, firm)
    return [(new.item, new) for new in built.rounded]
