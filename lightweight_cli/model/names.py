"""Names in a model are text. protobuf hands out those that are not UTF-8 as bytes: such a model is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lightweight_cli.errors import InputError, printable
from lightweight_cli.model.scopes import subgraphs

if TYPE_CHECKING:
    from onnx import FunctionProto, GraphProto, ModelProto, TensorProto


def check_names(proto: ModelProto) -> None:
    """Refuse a model in which a name is not UTF-8. Raises: InputError."""
    for graph in (proto.graph, *proto.functions):
        for name in names(graph):
            if isinstance(name, bytes):
                raise InputError(f"a name in the model is not UTF-8: {printable(name)}")


def names(graph: GraphProto | FunctionProto) -> Iterator[str | bytes]:
    """Yield the names that nodes and values go by, here and in the graphs within."""
    for node in graph.node:
        yield node.op_type
        yield node.domain
        yield from node.input
        yield from node.output
        for attribute in node.attribute:
            yield attribute.name
    for listed in (graph.input, graph.output, getattr(graph, "initializer", ())):
        for value in listed:
            yield getattr(value, "name", value)
    for inner in subgraphs(graph):
        yield from names(inner)


def check_entries(tensor: TensorProto) -> None:
    """Refuse external data whose description is not UTF-8. Raises: InputError."""
    for entry in tensor.external_data:
        if isinstance(entry.key, bytes) or isinstance(entry.value, bytes):
            raise InputError(f"tensor {printable(tensor.name)}: its external data is described in bytes that are not UTF-8")
