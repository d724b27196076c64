"""Operators of older opsets as opset 18 spells them: attributes become inputs, and defaults that changed are stated."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from onnx import helper

if TYPE_CHECKING:
    from onnx import NodeProto

OLDEST, NEWEST = 7, 18
"""Below 7 broadcasting was an attribute; from 18 on, what rules write means the same in every opset."""


class Fresh(NamedTuple):
    """What a changed node may need: a new constant, by the name it gets, and a name for a new value."""

    constant: Callable[[np.ndarray], str]
    name: Callable[[str], str]


class Change(NamedTuple):
    """One way in which an operator was spelled before an opset."""

    before: int
    make: Callable[[NodeProto, Fresh], list[NodeProto] | None]
    """Changes a node in place, or returns those that take its place."""


def raised(node: NodeProto, opset: int, fresh: Fresh) -> list[NodeProto]:
    """Return the nodes that do in opset 18 what `node` does in `opset`."""
    nodes = [node]
    for change in CHANGES.get(node.op_type, ()) if node.domain in ("", "ai.onnx") else ():
        if opset < change.before:
            nodes[-1:] = change.make(nodes[-1], fresh) or nodes[-1:]
    return nodes


def _taken(node: NodeProto, name: str, default: Any = None) -> Any:
    """Take an attribute away and return its value."""
    for attribute in node.attribute:
        if attribute.name == name:
            value = helper.get_attribute_value(attribute)
            node.attribute.remove(attribute)
            return value
    return default


def _inputs(*names: tuple[str, Any, Any]) -> Callable[[NodeProto, Fresh], None]:
    """Make the change that turns attributes, each with its type and default, into the inputs after the first."""

    def change(node: NodeProto, fresh: Fresh) -> None:
        values = [(_taken(node, name, default), dtype) for name, dtype, default in names]
        while values and values[-1][0] is None:
            values.pop()
        node.input.extend("" if v is None else fresh.constant(np.array(v, dtype)) for v, dtype in values)

    return change


def _numbers(*names: str) -> Callable[[NodeProto, Fresh], list[NodeProto]]:
    """Make the change that turns attributes into inputs of the type of the first."""

    def change(node: NodeProto, fresh: Fresh) -> list[NodeProto]:
        nodes = [node]
        for name in names:
            value = _taken(node, name)
            node.input.append("" if value is None else fresh.name(name))
            if value is not None:
                constant = fresh.constant(np.array(value, np.float32))
                nodes.insert(0, helper.make_node("CastLike", [constant, node.input[0]], [node.input[-1]]))
        while not node.input[-1]:
            node.input.pop()
        return nodes

    return change


def _dropped(*names: str) -> Callable[[NodeProto, Fresh], None]:
    def change(node: NodeProto, fresh: Fresh) -> None:
        for name in names:
            _taken(node, name)

    return change


def _softmax(node: NodeProto, fresh: Fresh) -> list[NodeProto] | None:
    """Before 13 the axes from `axis` on were taken as one."""
    axis = _taken(node, "axis", 1)
    if axis == -1:
        return None
    (x,), (y,) = node.input, node.output
    flat, made, shape = (fresh.name(node.op_type) for _ in range(3))
    return [helper.make_node("Flatten", [x], [flat], axis=axis), helper.make_node(node.op_type, [flat], [made], name=node.name, axis=-1),
            helper.make_node("Shape", [x], [shape]), helper.make_node("Reshape", [made, shape], [y])]


def _split(node: NodeProto, fresh: Fresh) -> None:
    if len(node.input) < 2:
        node.attribute.append(helper.make_attribute("num_outputs", len(node.output)))


def _resize(node: NodeProto, fresh: Fresh) -> None:
    """Before 11 positions were those of "asymmetric", rounded down."""
    if node.op_type == "Upsample" and len(node.input) < 2:
        node.input.append(fresh.constant(np.array(_taken(node, "scales"), np.float32)))
    node.op_type = "Resize"
    node.input.insert(1, "")
    node.attribute.extend([helper.make_attribute("coordinate_transformation_mode", "asymmetric"),
                           helper.make_attribute("nearest_mode", "floor")])


def _dropout(node: NodeProto, fresh: Fresh) -> None:
    _taken(node, "ratio")
    del node.input[1:]


def _scatter(node: NodeProto, fresh: Fresh) -> None:
    node.op_type = "ScatterElements"


AXES = _inputs(("axes", np.int64, None))
REDUCTIONS = ("ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum",
              "ReduceLogSumExp", "ReduceSumSquare")
CHANGES: dict[str, list[Change]] = {
    **{name: [Change(18, AXES)] for name in REDUCTIONS},
    **{name: [Change(13, AXES)] for name in ("ReduceSum", "Squeeze", "Unsqueeze")},
    **{name: [Change(13, _softmax)] for name in ("Softmax", "LogSoftmax", "Hardmax")},
    "Split": [Change(13, _inputs(("split", np.int64, None))), Change(18, _split)],
    "Slice": [Change(10, _inputs(*((name, np.int64, None) for name in ("starts", "ends", "axes"))))],
    "Pad": [Change(11, _inputs(("pads", np.int64, None))), Change(11, _numbers("value"))],
    "Clip": [Change(11, _numbers("min", "max"))],
    "TopK": [Change(10, _inputs(("k", np.int64, None)))],
    "Dropout": [Change(12, _dropout)],
    "BatchNormalization": [Change(9, _dropped("spatial"))],
    "Resize": [Change(11, _resize)],
    "Upsample": [Change(11, _resize)],
    "Scatter": [Change(11, _scatter)],
}
