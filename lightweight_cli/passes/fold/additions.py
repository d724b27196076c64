"""What onnxruntime writes into a model beside its optimisation: names, inferred shapes, default attributes, repeats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import defs

from lightweight_cli.model.opsets import domain_of, versions_of
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.passes.strip.liveness import all_nodes

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto


def drop_additions(old: ModelProto, new: ModelProto) -> None:
    """Remove from `new`, which onnxruntime made of `old`, what it added and nobody needs."""
    nodes = {n.name: n for owner in (old.graph, *old.functions) for n in all_nodes(owner)}
    shapes = {v.name for scope in Scopes(old).all for v in scope.graph.value_info}
    versions = versions_of(old.opset_import)
    for node in all_nodes(new.graph):
        origin = nodes.get(node.name)
        if origin is None:
            node.ClearField("name")
        _drop_defaults(node, {a.name for a in origin.attribute} if origin is not None else set(), versions)
        for field in ("domain", "doc_string"):
            if not getattr(node, field):
                node.ClearField(field)
    for scope in Scopes(new).all:
        if not scope.is_function:
            _drop_repeats(scope.graph)
        for i in reversed(range(len(scope.graph.value_info))):
            if scope.graph.value_info[i].name not in shapes:
                del scope.graph.value_info[i]


def _drop_repeats(graph: GraphProto) -> None:
    """Keep one initializer of each name: onnxruntime 1.23 writes those of subgraphs twice, and then refuses the model."""
    known: set[str] = set()
    again = []
    for i, tensor in enumerate(graph.initializer):
        if tensor.name in known:
            again.append(i)
        known.add(tensor.name)
    for i in reversed(again):
        del graph.initializer[i]


def _drop_defaults(node: NodeProto, kept: set[str], versions: dict[str, int]) -> None:
    """Remove attributes that say what the operator's definition says too, but those in `kept`."""
    domain = domain_of(node.domain)
    if not defs.has(node.op_type, versions.get(domain, 1), domain):
        return
    known = defs.get_schema(node.op_type, versions.get(domain, 1), domain).attributes
    for i in reversed(range(len(node.attribute))):
        attribute = node.attribute[i]
        if attribute.name in kept or attribute.name not in known:
            continue
        default = known[attribute.name].default_value
        if default.type and default.type == attribute.type and (default.f, default.i, default.s) == (
                attribute.f, attribute.i, attribute.s) and attribute.type in (
                attribute.FLOAT, attribute.INT, attribute.STRING):
            del node.attribute[i]
