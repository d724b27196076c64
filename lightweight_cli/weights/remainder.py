"""What no weight pass touches: every other stored tensor of 1 KB or more, with its bytes and the reason.

With the weights, this accounts for a file: what is in neither is small tensors and the graph itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from onnx import AttributeProto

from lightweight_cli.model import tensors
from lightweight_cli.weights import constants, reasons
from lightweight_cli.weights.fixed import Fixed

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

    from lightweight_cli.model.model import Model
    from lightweight_cli.model.scopes import Scope, Scopes
    from lightweight_cli.weights.weight import Weight

LEAST = 1024
"""Bytes from which something stored has a row."""
SCALARS = (AttributeProto.FLOAT, AttributeProto.INT, AttributeProto.STRING)
"""Attributes that store nothing."""


class Rest(NamedTuple):
    """Something stored that is no weight, and why it stays."""

    name: str
    op: str
    shape: tuple[int, ...]
    nbytes: int
    reason: str


def remainder(model: Model, scopes: Scopes, weights: Iterable[Weight], every: bool) -> list[Rest]:
    """Return what is stored beside `weights` and what decodes them; `every`: the pass took all float constants it could."""
    taken = {(id(home), name) for w in weights for home, name in constants.chain(w.scope, w.name)}
    fixed = Fixed(scopes)
    found: list[Rest] = []
    for scope in scopes.all:
        for name, tensor in _named(scope):
            if (id(scope), name) not in taken and model.nbytes(tensor) >= LEAST:
                op, reason = reasons.why(fixed, scope, name, tensor, every)
                found.append(Rest(name, op, tuple(tensor.dims), model.nbytes(tensor), reason))
        for sparse in () if scope.is_function else scope.graph.sparse_initializer:
            found += _parts(model, sparse.values.name, "sparse tensor", [sparse.values, sparse.indices],
                            "is stored as a sparse tensor, which passes leave")
        for node in scope.graph.node:
            found += _attributes(model, scope, node)
        for attribute in scope.graph.attribute_proto if scope.is_function else ():
            found += _attribute(model, f"{scope.graph.name}.{attribute.name}", "function", attribute,
                                "is the default of a function's attribute, which passes leave")
    for number, training in enumerate(model.proto.training_info):
        for graph in (training.initialization, training.algorithm):
            for tensor in tensors.graph_tensors(graph):
                found += _parts(model, tensor.name or f"training_info {number}", "training", [tensor],
                                "belongs to the model's training information, which passes leave")
    return found


def _named(scope: Scope) -> Iterator[tuple[str, TensorProto]]:
    """Yield the tensors of a scope that have a name as a value: initializers, Constant nodes."""
    yield from scope.initializers.items()
    for name, node in scope.producers.items():
        if node.op_type == "Constant":
            tensor = constants.leaf(scope, name)
            if tensor is not None:
                yield name, tensor


def _attributes(model: Model, scope: Scope, node: NodeProto) -> Iterator[Rest]:
    """Yield what is stored in a node's attributes, but for a tensor that is a value."""
    listed = [a for a in node.attribute if a.type not in SCALARS]
    if listed and any(o and constants.leaf(scope, o) is not None for o in node.output[:1]):
        return
    for attribute in listed:
        yield from _attribute(model, f"{next(filter(None, node.output), node.op_type)}.{attribute.name}", node.op_type, attribute,
                              f"is an attribute, which passes leave: {node.op_type}")


def _attribute(model: Model, name: str, op: str, attribute: AttributeProto, reason: str) -> Iterator[Rest]:
    lists = [v for v in (attribute.floats, attribute.ints, attribute.strings) if v]
    if lists and attribute.ByteSize() >= LEAST:
        yield Rest(name, op, (len(lists[0]),), attribute.ByteSize(), reason)
    sparse = [attribute.sparse_tensor] * attribute.HasField("sparse_tensor") + list(attribute.sparse_tensors)
    for parts in [[t] for t in [attribute.t] * attribute.HasField("t") + list(attribute.tensors)] + [[s.values, s.indices] for s in sparse]:
        yield from _parts(model, name, op, parts, reason)


def _parts(model: Model, name: str, op: str, parts: list[TensorProto], reason: str) -> Iterator[Rest]:
    nbytes = sum(_bytes(model, tensor) for tensor in parts)
    if nbytes >= LEAST:
        yield Rest(name, op, tuple(parts[0].dims), nbytes, reason)


def _bytes(model: Model, tensor: TensorProto) -> int:
    """Return the bytes of a tensor, also of one that the loader leaves as it is: it may refer to a file of its own."""
    outside = tensor.external_data and not tensor.external_data[0].value.startswith(model.mark)
    return tensor.ByteSize() if outside else model.nbytes(tensor)
