"""What is written for people and other tools: doc strings, metadata properties."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from onnx import ModelProto

OURS = "lwc."
"""Keys of the model's metadata by which lwc tells where a file comes from."""


def drop_notes(proto: ModelProto, keep_doc: bool, metadata: bool, removed: Counter[str]) -> None:
    """Remove doc strings and, if `metadata`, metadata properties, wherever in the model they are."""
    kept = [(p.key, p.value) for p in proto.metadata_props if p.key.startswith(OURS)]
    if metadata:
        removed["metadata entry"] -= len(kept)
    if metadata or not keep_doc:
        _drop(proto, not keep_doc, metadata, removed)
    if metadata:
        for key, value in kept:
            proto.metadata_props.add(key=key, value=value)


def _drop(message: Message, docs: bool, metadata: bool, removed: Counter[str]) -> None:
    for field, value in message.ListFields():
        if docs and field.name == "doc_string":
            message.ClearField("doc_string")
            removed["doc string"] += 1
        elif metadata and field.name == "metadata_props":
            removed["metadata entry"] += len(value)
            message.ClearField("metadata_props")
        elif field.message_type is not None:
            for inner in (value,) if hasattr(value, "ListFields") else value:
                _drop(inner, docs, metadata, removed)
