"""Taking labels out of a model: weights are sliced, and stated numbers, attributes and stored shapes follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from lightweight_cli.model import tensors
from lightweight_cli.structure.groups import stored_axes
from lightweight_cli.structure.trace import Kept, Trace
from lightweight_cli.weights import constants
from lightweight_cli.weights.graph_edits import drop_initializer

if TYPE_CHECKING:
    from onnx import NodeProto

PREFIX = "lwc.cut."
"""How the names begin of numbers that are stated anew."""


def cut(trace: Trace, kept: Kept) -> list[str]:
    """Take out of the model of `trace` the labels that do not stay; it has been traced, and not been changed since.

    Returns: the constants that became smaller.
    """
    changed = _stored(trace, kept)
    follow(trace, kept)
    _shapes(trace, kept)
    _sweep(trace)
    return changed


def _stored(trace: Trace, kept: Kept) -> list[str]:
    by_name: dict[str, list[tuple[int, np.ndarray]]] = {}
    for name, axis, labels in stored_axes(trace):
        stays = kept(labels)
        if not stays.all():
            by_name.setdefault(name, []).append((axis, np.flatnonzero(stays)))
    for name, axes in by_name.items():
        tensor = trace.stored(name)
        assert tensor is not None
        array = trace.model.array(tensor)
        for axis, places in axes:
            array = np.take(array, places, axis)
        replace(trace, tensor, array)
    return list(by_name)


def replace(trace: Trace, tensor: TensorProto, array: np.ndarray) -> None:
    """Give a stored tensor another array of its type."""
    array = np.ascontiguousarray(array)
    if tensors.BITS[tensor.data_type] < 8:  # packed
        packed = numpy_helper.from_array(array, tensor.name)
        packed.data_type = tensor.data_type
        tensor.CopyFrom(packed)
        return
    del tensor.dims[:]
    tensor.dims.extend(array.shape)
    trace.model.attach(tensor, trace.model.spool.put(array))


def follow(trace: Trace, kept: Kept) -> None:
    """State anew what changes: single numbers, then what a node is given as a whole."""
    nodes = {id(node): node for node in trace.scope.graph.node}
    for place, labels in trace.counts.items():
        stays = kept(labels)
        if stays.all():
            continue
        node = nodes[place.node]
        if isinstance(place.where, str):
            attribute = next(a for a in node.attribute if a.name == place.where)
            if attribute.type == attribute.INTS:
                attribute.ints[place.index] = int(stays.sum())
            else:
                attribute.i = int(stays.sum())
            continue
        tensor = constants.leaf(trace.scope, node.input[place.where])
        assert tensor is not None
        array = trace.model.array(tensor).copy()
        array.reshape(-1)[place.index] = int(stays.sum())
        _state(trace, node, place.where, array)
    for node, where, value in trace.anew:
        if id(node) not in trace.apart and np.array_equal(value(kept), value(lambda labels: np.ones(len(labels), bool))):
            continue
        _state(trace, node, where, value(kept))


def _state(trace: Trace, node: NodeProto, where: int | str, value: Any) -> None:
    """Give a node a number or numbers as an attribute, or as an input of its own."""
    if isinstance(where, str):
        for i in reversed(range(len(node.attribute))):
            if node.attribute[i].name == where:
                del node.attribute[i]
        node.attribute.append(helper.make_attribute(where, value))
        return
    old = constants.leaf(trace.scope, node.input[where]) if where < len(node.input) and node.input[where] else None
    array = np.asarray(value, tensors.dtype_of(old) if old is not None else np.int64)
    while len(node.input) <= where:
        node.input.append("")
    if node.input[where]:
        trace.given_up.add(node.input[where])
    mine = f"{PREFIX}{len(trace.own) + 1}"
    if node.input[where] in trace.own:  # stated a moment ago
        mine = node.input[where]
        trace.model.attach(trace.scope.initializers[mine], trace.model.spool.put(np.ascontiguousarray(array)))
        trace.scope.initializers[mine].dims[:] = array.shape
        return
    while mine in trace.taken:
        mine += "_"
    trace.own.add(mine)
    trace.taken.add(mine)
    tensor = trace.scope.graph.initializer.add()
    tensor.CopyFrom(numpy_helper.from_array(array, mine))
    trace.scope.initializers[mine] = tensor
    node.input[where] = mine
    if node.op_type == "Split":
        for i in reversed(range(len(node.attribute))):
            if node.attribute[i].name == "num_outputs":
                del node.attribute[i]


def _shapes(trace: Trace, kept: Kept) -> None:
    """Let stored shapes of values say their new sizes."""
    for value in trace.scope.graph.value_info:
        for k, dim in enumerate(value.type.tensor_type.shape.dim):
            labels = trace.axes.get((value.name, k))
            if labels is not None and dim.HasField("dim_value"):
                dim.dim_value = int(kept(labels).sum())


def _sweep(trace: Trace) -> None:
    """Drop the numbers that no node reads any more."""
    graph, main = trace.scope.graph, trace.scope
    read = {i for node in graph.node for i in node.input} | main.outputs
    read |= {name for name, uses in main.uses.items() if any(use.scope is not main for use in uses)}
    gone = trace.given_up - read - trace.own
    for name in sorted(gone & main.initializers.keys() - main.inputs):
        drop_initializer(graph, name)
    for i in reversed(range(len(graph.node))):
        if graph.node[i].op_type == "Constant" and not read.intersection(graph.node[i].output) and gone.intersection(graph.node[i].output):
            del graph.node[i]
