"""Which values are known without running the model: tensors, and what plain nodes make of them.

This is how a weight is found, whatever stores it: an initializer, a Constant node, one of lwc's storage
encodings, or another tool's DequantizeLinear on constants. constant_values.py computes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onnx import AttributeProto, TensorProto, helper

from lightweight_cli.weights.constant_operators import OPERATORS
from lightweight_cli.weights.naming import is_inner, is_shared
from lightweight_cli.weights.not_constant import NotConstant

if TYPE_CHECKING:
    from onnx import NodeProto

    from lightweight_cli.model.scopes import Scope

DEEPEST = 96
"""Steps from a tensor to a weight: a split takes some ten; Huffman trees, as versions before wrote them, up to 70."""

TYPES: dict[str, int] = {
    **dict.fromkeys(("axis", "to", "allowzero", "block_size", "exclusive", "reverse", "transA", "transB", "value_int",
                     "saturate", "output_dtype", "fmod"), AttributeProto.INT),
    **dict.fromkeys(("axes", "perm", "split", "starts", "ends", "value_ints"), AttributeProto.INTS),
    "value": AttributeProto.TENSOR, "value_float": AttributeProto.FLOAT, "value_floats": AttributeProto.FLOATS,
    "reduction": AttributeProto.STRING, "equation": AttributeProto.STRING,
}
"""The types of the attributes that OPERATORS, Constant nodes and ROLES read. onnx.defs knows them too, but takes 12 ms to load."""


def attributes(node: NodeProto) -> dict[str, Any]:
    """Return those of a node's attributes that are read here as Python values, without those that a function's caller sets.

    Raises: NotConstant for one of another type than operators define.
    """
    given = [a for a in node.attribute if not a.ref_attr_name and a.name in TYPES]
    for a in given:
        if a.type != TYPES[a.name]:
            raise NotConstant(f"{node.op_type} has an attribute {a.name} of a wrong type")
    return {a.name: helper.get_attribute_value(a) for a in given}


def leaf(scope: Scope, name: str) -> TensorProto | None:
    """Return the tensor that `name` is, stored as an initializer or in a Constant node of `scope`."""
    if name in scope.producers:
        node = scope.producers[name]
        return constant(node) if node.op_type == "Constant" and node.domain in ("", "ai.onnx") else None
    return scope.initializers.get(name)


def constant(node: NodeProto) -> TensorProto | None:
    """Return the tensor of a Constant node, also of one that lists numbers; None where it is of another kind."""
    attribute = node.attribute[0] if len(node.attribute) == 1 and not node.attribute[0].ref_attr_name else None
    if attribute is None or attribute.type != TYPES.get(attribute.name):
        return None
    if attribute.name == "value":
        return attribute.t
    value = helper.get_attribute_value(attribute)
    kind = {"value_int": TensorProto.INT64, "value_ints": TensorProto.INT64,
            "value_float": TensorProto.FLOAT, "value_floats": TensorProto.FLOAT}.get(attribute.name)
    if kind is None:
        return None
    whole = attribute.name.endswith("s")
    return helper.make_tensor(node.output[0], kind, [len(value)] if whole else [], value if whole else [value])


def is_constant(scope: Scope, name: str, depth: int = DEEPEST) -> bool:
    """Whether `name` is a tensor or computed only from tensors by the operators of OPERATORS, in so many steps."""
    heights: dict[tuple[int, str], int] = {}

    def height(at: Scope, current: str, left: int) -> int:
        """Return the most steps from a tensor to `current`, or more than `left`."""
        home = at.resolve(current)
        if home is None or current in home.inputs:
            return left + 1
        if leaf(home, current) is not None:
            return 0
        if left == 0:
            return 1
        if (id(home), current) not in heights:
            node = home.producers.get(current)
            if node is None or not computable(node):
                return left + 1
            most = 0
            for i in node.input:
                most = max(most, height(home, i, left - 1) if i else 0)
                if most >= left:
                    return left + 1
            heights[id(home), current] = most + 1
        return heights[id(home), current]

    return height(scope, name, depth) <= depth


def computable(node: NodeProto) -> bool:
    """Whether a node's operator is one of OPERATORS, and no attribute is set by a function's caller."""
    return (node.domain in ("", "ai.onnx") and node.op_type in OPERATORS and (len(node.output) == 1 or is_bundle(node))
            and not any(a.ref_attr_name for a in node.attribute))


def is_bundle(node: NodeProto | None) -> bool:
    """Whether a node parts the numbers of several weights that are decoded together."""
    return node is not None and node.op_type == "Split" and node.domain == "" and len(node.output) > 1 and all(map(is_inner, node.output))


def chain(scope: Scope, name: str) -> list[tuple[Scope, str]]:
    """Return the constant `name` and everything it is computed from, each once, users before what they use."""
    order: dict[tuple[int, str], Scope] = {}

    def visit(at: Scope, current: str) -> None:
        home = at.resolve(current)
        if home is None or (id(home), current) in order:
            return
        node = home.producers.get(current)
        for i in node.input if node is not None else ():
            if i:
                visit(home, i)
        order[id(home), current] = home

    visit(scope, name)
    return [(home, current) for (_, current), home in reversed(order.items())]


def own(scope: Scope, name: str) -> list[tuple[Scope, str]]:
    """Return the part of the chain of `name` that nothing else uses: what goes when `name` is replaced.

    Tables that lwc shares between weights are never part of it, nor is what several weights are decoded from together.
    """
    mine: list[tuple[Scope, str]] = []
    gone: list[NodeProto] = []
    for at, current in chain(scope, name):
        if mine and is_shared(current):
            continue
        used = at.uses.get(current, [])
        if not mine or (current not in at.outputs and current not in at.inputs and all(any(u.node is g for g in gone) for u in used)):
            mine.append((at, current))
            if current in at.producers and not is_bundle(at.producers[current]):
                gone.append(at.producers[current])
    return mine
