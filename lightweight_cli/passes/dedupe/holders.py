"""Where tensors are held by a name, and whether another name can take its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from lightweight_cli.model.scopes import Scope, Scopes, Use, subgraphs_of

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

    from lightweight_cli.model.model import Model


class Holder(NamedTuple):
    """A tensor with its name: an initializer, or the value of a Constant node."""

    scope: Scope
    name: str
    tensor: TensorProto
    node: NodeProto | None

    def nbytes(self, model: Model) -> int:
        """Return the bytes that go when the tensor goes."""
        around = self.node.ByteSize() - self.tensor.ByteSize() if self.node is not None else 0
        return model.nbytes(self.tensor) + around


def holders(scopes: Scopes) -> Iterator[Holder]:
    """Yield every named tensor, outer scopes before inner, initializers before Constant nodes."""
    for scope in scopes.all:
        for name, tensor in scope.initializers.items():
            yield Holder(scope, name, tensor, None)
        for node in scope.graph.node:
            if node.op_type == "Constant" and node.domain in ("", "ai.onnx") and any(node.output):
                value = next((a for a in node.attribute if a.name == "value"), None)
                if value is not None and value.HasField("t") and not value.ref_attr_name:
                    yield Holder(scope, node.output[0], value.t, node)


class Names:
    """What names mean where, and in which order nodes stand."""

    def __init__(self, proto: ModelProto, scopes: Scopes) -> None:
        self.defined = {id(s): _definitions(s) for s in scopes.all}
        self.nodes = [list(s.graph.node) for s in scopes.all]  # kept, so that each keeps its id
        self.position = {id(node): i for nodes in self.nodes for i, node in enumerate(nodes)}
        self.holder = {id(inner): i for nodes in self.nodes for i, n in enumerate(nodes) for inner in subgraphs_of(n)}
        self.shadowed: set[tuple[int, str]] = set()
        for scope in scopes.all:
            outer = scope.parent
            while outer is not None:
                for name in self.defined[id(scope)].keys() & self.defined[id(outer)].keys():
                    self.shadowed |= {(id(scope), name), (id(outer), name)}
                outer = outer.parent
        notes = [a for scope in scopes.all if not scope.is_function for a in scope.graph.quantization_annotation]
        self.pinned = {a.tensor_name for a in notes} | {p.value for a in notes for p in a.quant_parameter_tensor_names}
        for training in proto.training_info:
            self.pinned |= {b.key for b in (*training.initialization_binding, *training.update_binding)}
            for graph in (training.initialization, training.algorithm):
                self.pinned |= {i for node in graph.node for i in node.input}

    def is_ambiguous(self, holder: Holder) -> bool:
        """Whether the name has several meanings, or is known elsewhere than in inputs of nodes."""
        key = id(holder.scope)
        return holder.name in self.pinned or (key, holder.name) in self.shadowed or self.defined[key][holder.name] > 1

    def encloses(self, outer: Scope, inner: Scope) -> bool:
        """Whether `inner` is `outer`, or lies within it."""
        at: Scope | None = inner
        while at is not None and at is not outer:
            at = at.parent
        return at is outer

    def is_before(self, kept: Holder, use: Use) -> bool:
        """Whether the kept tensor stands before the node that is to use it: initializers stand before all."""
        if kept.node is None:
            return True
        at, position = use.scope, self.position[id(use.node)]
        while at is not kept.scope:
            assert at.parent is not None
            at, position = at.parent, self.holder[id(at.graph)]
        return self.position[id(kept.node)] < position


def _definitions(scope: Scope) -> Counter[str]:
    """Count how often each name gets a meaning in a scope; an initializer that is an input counts twice."""
    graph = scope.graph
    names = Counter(name for node in graph.node for name in node.output if name)
    names.update(scope.inputs)
    if not scope.is_function:
        names.update(t.name for t in graph.initializer)
        names.update(s.values.name for s in graph.sparse_initializer)
    return names
