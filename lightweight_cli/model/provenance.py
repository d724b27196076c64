"""Where a model comes from: two entries of its metadata, which every step that changed it signs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import ModelProto

    from lightweight_cli.model.model import Model

RECIPE, SOURCE = "lwc.recipe", "lwc.source"
"""Keys of the model's metadata: the steps it went through, one a line, and the SHA-256 of the first step's input."""
DIGEST = 64
"""Characters of a SHA-256."""


def sign(model: Model, text: str, source: str) -> None:
    """Append a step to the model's provenance; the first one also names the source, by its SHA-256."""
    _append(model.proto, text, source)


def signature(model: Model, text: str) -> int:
    """Return the bytes that signing will take."""
    bare = type(model.proto)(metadata_props=model.proto.metadata_props)
    before = bare.ByteSize()
    _append(bare, text, "0" * DIGEST)
    return bare.ByteSize() - before


def _append(proto: ModelProto, text: str, source: str) -> None:
    properties = {p.key: p for p in proto.metadata_props}
    if SOURCE not in properties:
        proto.metadata_props.add(key=SOURCE, value=source)
    if RECIPE not in properties:
        proto.metadata_props.add(key=RECIPE, value=text)
    else:
        properties[RECIPE].value += "\n" + text


def origin(model: Model) -> str | None:
    """Return the SHA-256 of the model that this one was made from, where it says so."""
    return next((p.value for p in model.proto.metadata_props if p.key == SOURCE), None)
