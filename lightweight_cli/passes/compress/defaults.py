"""Attributes that say what holds without them: the defaults of an operator's version."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from onnx import AttributeProto, defs

if TYPE_CHECKING:
    from onnx import NodeProto

SLIDING = {"Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool"}
"""Operators that move a window over their input."""
EACH = {"dilations": 1, "strides": 1, "pads": 0}
"""What such a window has for every axis where nothing is said, in words of its operator only."""
SAID = 11
"""The opset from which on all of these operators say so."""


def forget_defaults(node: NodeProto, opset: int) -> None:
    """Remove the attributes of a standard operator that have the value which they would have without, in place."""
    if node.domain not in ("", "ai.onnx"):
        return
    known = _defaults(node.op_type, opset)
    for i in reversed(range(len(node.attribute))):
        attribute = node.attribute[i]
        each = EACH.get(attribute.name) if node.op_type in SLIDING and opset >= SAID else None
        if (each is not None and set(attribute.ints) == {each}) or _value(attribute) in known.get(attribute.name, ()):
            del node.attribute[i]


@cache
def _defaults(op: str, opset: int) -> dict[str, tuple[bytes]]:
    """Return the defaults of an operator's attributes."""
    if not defs.has(op):
        return {}
    try:
        attributes = defs.get_schema(op, opset, "").attributes
    except defs.SchemaError:
        return {}
    return {name: (_value(a.default_value),) for name, a in attributes.items() if a.default_value.name and not a.required}


def _value(attribute: AttributeProto) -> bytes:
    """Return an attribute without what is said about it, as bytes."""
    bare = AttributeProto()
    bare.CopyFrom(attribute)
    bare.ClearField("doc_string")
    return bytes(bare.SerializeToString(deterministic=True))
