"""Where a model comes from: two entries of its metadata, which every step that changed it signs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model

RECIPE, SOURCE = "lwc.recipe", "lwc.source"
"""Keys of the model's metadata: the steps it went through, one a line, and the SHA-256 of the first step's input."""


def sign(model: Model, text: str, source: str) -> None:
    """Append a step to the model's provenance; the first one also names the source, by its SHA-256."""
    properties = {p.key: p for p in model.proto.metadata_props}
    if SOURCE not in properties:
        model.proto.metadata_props.add(key=SOURCE, value=source)
    if RECIPE not in properties:
        model.proto.metadata_props.add(key=RECIPE, value=text)
    else:
        properties[RECIPE].value += "\n" + text


def origin(model: Model) -> str | None:
    """Return the SHA-256 of the model that this one was made from, where it says so."""
    return next((p.value for p in model.proto.metadata_props if p.key == SOURCE), None)
