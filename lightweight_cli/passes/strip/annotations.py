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
    """Remove the notes of exporters: doc strings, and the metadata properties of graphs, nodes and values.

    Those may be most of a small file (stack traces, scopes); nothing reads them when a model runs. `keep_doc` keeps
    them. The model's own properties are what applications read (class names, sizes): they go only if `metadata`.
    """
    if metadata:
        kept = [(p.key, p.value) for p in proto.metadata_props if p.key.startswith(OURS)]
        removed["metadata entry"] += len(proto.metadata_props) - len(kept)
        proto.ClearField("metadata_props")
        for key, value in kept:
            proto.metadata_props.add(key=key, value=value)
    if not keep_doc:
        _drop(proto, removed)


def _drop(message: Message, removed: Counter[str]) -> None:
    for field, value in message.ListFields():
        if field.name == "doc_string":
            message.ClearField("doc_string")
            removed["doc string"] += 1
        elif field.name == "metadata_props":
            if message.DESCRIPTOR.name != "ModelProto":
                removed["exporter note"] += len(value)
                message.ClearField("metadata_props")
        elif field.message_type is not None:
            for inner in (value,) if hasattr(value, "ListFields") else value:
                _drop(inner, removed)
