"""Values that are the same on every run: what is stored, and what plain nodes compute from it.

A weight may be stored as it is, or decoded by a chain of nodes with constant inputs; then the last output is the
weight. `Constants` walks every graph in its scope and finds both, with the operators that use them.
"""

from __future__ import annotations

from lightweight_cli.encodings.named import LAYOUT
from lightweight_cli.inspect.bundles import parts_of, stored_parts
from lightweight_cli.inspect.by_rows import as_table, takes_rows, whole_dims
from lightweight_cli.inspect.fold_shapes import folded_dims, integers
from lightweight_cli.inspect.records import Graph, Model, Node
from lightweight_cli.inspect.tensors import FLOAT, INT64, RAW_TAG, STRING, Tensor
from lightweight_cli.inspect.value import Stored, Value
from lightweight_cli.inspect.value_info import fixed
from lightweight_cli.weights.naming import is_inner

RANDOM = frozenset({"RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli",
                    "Multinomial", "Dropout"})  # fmt: skip
TELLING = LAYOUT | {"Add", "Cast", "Concat", "CumSum", "DequantizeLinear", "Gather", "Mod", "Mul", "QuantizeLinear",
                    "ScatterElements", "ScatterND", "Slice", "Split", "Where"}  # fmt: skip
"""The operators that tell encodings apart; the others count as OTHER."""
LISTED = 4
"""IR version before which every initializer had to be listed as an input."""
OTHER = "other"
GRAPH_OUTPUT = "graph output"


class Scope:
    """The values that a graph sees: its own, then those of the graphs around it; None is a value that varies."""

    __slots__ = ("outer", "own")

    def __init__(self, names: list[str], outer: Scope | None) -> None:
        self.own: dict[str, Value | None] = dict.fromkeys(names)
        self.outer = outer

    def find(self, name: str) -> Value | None:
        """Return the constant called `name`, or None when there is none."""
        scope: Scope | None = self
        while scope:
            if name in scope.own:
                return scope.own[name]
            scope = scope.outer
        return None


class Constants:
    """All constant values of a model, and every stored tensor."""

    def __init__(self, model: Model) -> None:
        self.values: list[Value] = []
        self.stored: list[Stored] = []
        self.nodes = 0
        self.scopes: dict[Graph, Scope] = {}
        self.by_rows: set[Value] = set()
        """What nodes take and decode by rows: seen as if they did so with the whole table."""
        self.bundled: set[Value] = set()
        """What weights that are decoded together are stored in, and the part of each, which stands for it."""
        if model.graph:
            self._graph(model.graph, None, "", GRAPH_OUTPUT)
            defaults = set(model.graph.inputs) if model.ir_version >= LISTED else set()
            for stored in self.stored if defaults else ():
                stored.overridable = stored.graph is model.graph and stored.kind.endswith("initializer") and stored.name in defaults
        for function in model.functions:
            self._graph(function, None, f"function {function.name}", function.name)

    def _store(self, tensor: Tensor, name: str, kind: str, scope: str, graph: Graph) -> Value:
        stored = Stored(tensor, name, kind, scope, graph)
        self.stored.append(stored)
        value = Value(name, stored)
        self.values.append(value)
        return value

    def _graph(self, graph: Graph, outer: Scope | None, scope: str, owner: str) -> None:
        seen = self.scopes[graph] = Scope(graph.inputs, outer)
        for tensor in graph.initializers:
            kind = "sparse_initializer" if tensor.sparse else "initializer"
            seen.own[tensor.name] = self._store(tensor, tensor.name, kind, scope, graph)
        for node in graph.nodes:
            self.nodes += 1
            if node.op == "Constant" and not node.domain and node.outputs:
                name = node.outputs[0]
                seen.own[name] = self._store(constant(node), name, "Constant node", scope, graph)
            else:
                self._node(node, seen, scope, graph)
        for name in graph.outputs:
            value = seen.find(name)
            if value:
                value.uses.append((owner, -1, None))

    def _node(self, node: Node, seen: Scope, scope: str, graph: Graph) -> None:
        if takes_rows(node) and (table := seen.find(node.inputs[0])):
            self.by_rows.add(table)
            seen.own[node.outputs[0]] = table
            return
        inputs = [seen.find(name) for name in node.inputs if name]
        known = [value for value in inputs if value]
        if known and len(known) == len(inputs) and node.op not in RANDOM and not node.graphs and not node.tensors:
            self._computed(node, known, seen, graph)
            return
        if known:
            for index, name in enumerate(node.inputs):
                value = seen.find(name) if name else None
                if value:
                    value.uses.append((node.op, index, node))
        for name, tensor in node.tensors:
            value = self._store(tensor, f"{node.outputs[0] if node.outputs else node.op}.{name}", "attribute", scope,
                                graph)
            value.uses.append((node.op, -1, node))
        for name in node.outputs:
            seen.own[name] = None
        for name, body in node.graphs:
            inner = f"{scope}/{node.op}.{name}" if scope else f"{node.op}.{name}"
            self._graph(body, seen, inner, node.op)

    def _computed(self, node: Node, inputs: list[Value], seen: Scope, graph: Graph) -> None:
        parts = parts_of(node, inputs)
        if parts is not None:
            self.bundled.update(stored_parts(inputs), parts)
            self.values += parts
            seen.own.update((part.name, part) for part in parts)
            return
        main = _main(node.op, inputs)
        ops = main.ops.union([node.op if node.op in TELLING else OTHER], *(value.ops for value in inputs))
        for name in node.outputs:
            value = Value(name, main.heavy)
            value.inputs, value.op, value.ops = inputs, node.op, ops
            value.dtype = _dtype(node, inputs)
            value.dims = folded_dims(node, inputs)
            if value.dims is None and name in graph.values:
                value.dims = fixed(graph.values[name])
            self.values.append(value)
            seen.own[name] = value
            if not self.by_rows.isdisjoint(inputs):
                self._decoded(value, node, seen)

    def _decoded(self, value: Value, node: Node, seen: Scope) -> None:
        """Note a value of a table that is decoded by rows; the last of them varies, and only its table is constant."""
        if node.op == "Reshape":
            value.dims = whole_dims(integers(value.inputs[-1]), value.inputs[0].dims)
        if is_inner(value.name):
            self.by_rows.add(value)
        else:
            seen.own[value.name] = None
            as_table(value, node)


def constant(node: Node) -> Tensor:
    """Return what a Constant node holds, as a tensor; numbers in attributes become one of rank 0 or 1."""
    if node.tensors:
        return node.tensors[0][1]
    for name, content in node.attributes.items():
        dtype = FLOAT if "float" in name else STRING if "string" in name else INT64
        dims = (len(content),) if isinstance(content, list) else ()
        size = len(content) if isinstance(content, bytes) else (dims[0] if dims else 1) * (4 if dtype == FLOAT else 8)
        found = Tensor(name, dtype, dims, size)
        if dtype == INT64 and isinstance(content, list):
            found.tag, found.data = RAW_TAG, b"".join(int(n).to_bytes(8, "little", signed=True) for n in content)
        return found
    return Tensor()


def _main(op: str, inputs: list[Value]) -> Value:
    """Return the input that makes an output what it is: of a table look-up the codes, else the largest."""
    if op in LAYOUT:
        return inputs[0]
    if op == "Gather" and len(inputs) > 1 and inputs[1].op:
        return inputs[1]
    return max(inputs, key=lambda value: value.heavy.nbytes)


def _dtype(node: Node, inputs: list[Value]) -> int:
    """Return the element type of a node's first output, for the operators that weights are decoded with."""
    to = node.attributes.get("to")
    if node.op == "Cast" and isinstance(to, int):
        return to
    if node.op in ("DequantizeLinear", "Where") and len(inputs) > 1:
        return inputs[1].dtype
    if node.op in ("Shape", "Size", "NonZero", "ArgMax", "ArgMin"):
        return INT64
    return inputs[0].dtype
