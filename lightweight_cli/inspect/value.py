"""One constant value: where it is stored, or which operators make it of what."""

from __future__ import annotations

from lightweight_cli.inspect.records import Graph, Node
from lightweight_cli.inspect.tensors import DTYPES, Tensor, elements


class Stored:
    """A tensor with its bytes: how (`kind`) and in which graph (`scope`, empty for the main graph) it is stored."""

    __slots__ = ("graph", "kind", "name", "overridable", "scope", "tensor")

    def __init__(self, tensor: Tensor, name: str, kind: str, scope: str, graph: Graph) -> None:
        self.tensor, self.name, self.kind, self.scope, self.graph = tensor, name, kind, scope, graph
        self.overridable = False
        """Whether it is the default of an input of the model."""

    @property
    def nbytes(self) -> int:
        """Bytes as they are stored; where external data state no length, from the shape."""
        tensor = self.tensor
        if tensor.nbytes >= 0:
            return tensor.nbytes
        return (elements(tensor.dims) * DTYPES.get(tensor.dtype, ("", 0))[1] + 7) // 8


class Value:
    """A constant value: stored, or computed by plain nodes from `inputs`; `heavy` is the stored part it is made of."""

    __slots__ = ("dims", "dtype", "heavy", "inputs", "name", "op", "ops", "uses")

    def __init__(self, name: str, heavy: Stored) -> None:
        self.name, self.heavy = name, heavy
        self.inputs: list[Value] = []
        self.op = ""
        """The operator that computes it; empty for what is stored."""
        self.ops: frozenset[str] = frozenset()
        """All operators that compute it; those that name no encoding as OTHER."""
        self.dims: tuple[int, ...] | None = heavy.tensor.dims
        self.dtype = heavy.tensor.dtype
        self.uses: list[tuple[str, int, Node | None]] = []
        """Operator, input index and node of each use (no node where a graph hands it out)."""
