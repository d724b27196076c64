"""The attributes of one node, by name and type: what the file states, or the operator's default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import AttributeProto

from lightweight_cli.weights.not_constant import NotConstant

if TYPE_CHECKING:
    from onnx import NodeProto


def number(node: NodeProto, name: str, default: int) -> int:
    """Return an integer. Raises: NotConstant for another type, or one that a function's caller sets."""
    found = _given(node, name, AttributeProto.INT)
    return found.i if found is not None else default


def numbers(node: NodeProto, name: str, default: list[int]) -> list[int]:
    """Return a list of integers. Raises: NotConstant for another type, or one that a function's caller sets."""
    found = _given(node, name, AttributeProto.INTS)
    return list(found.ints) if found is not None else default


def text(node: NodeProto, name: str, default: str) -> str:
    """Return a string. Raises: NotConstant for another type, or one that a function's caller sets."""
    found = _given(node, name, AttributeProto.STRING)
    return found.s.decode("utf-8", "replace") if found is not None else default


def _given(node: NodeProto, name: str, kind: int) -> AttributeProto | None:
    found = next((a for a in node.attribute if a.name == name), None)
    if found is not None and (found.ref_attr_name or found.type != kind):
        raise NotConstant(f"{node.op_type} has an attribute {name} {'set by a caller' if found.ref_attr_name else 'of a wrong type'}")
    return found
