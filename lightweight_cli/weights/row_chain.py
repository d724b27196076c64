"""Which decoding chains can be computed on some rows alone: every node of theirs makes a row of rows, whatever the others are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lightweight_cli.model.tensors import BITS
from lightweight_cli.weights import constants
from lightweight_cli.weights.constant_values import Chain
from lightweight_cli.weights.constants import NotConstant
from lightweight_cli.weights.naming import is_inner

if TYPE_CHECKING:
    from onnx import NodeProto

    from lightweight_cli.model.model import Model
    from lightweight_cli.model.scopes import Scope
    from lightweight_cli.weights.emission import Emission

Shape = tuple[int, ...]
ARITHMETIC = ("Add", "Sub", "Mul")
OPERATORS = {"Cast", "Gather", "Reshape", *ARITHMETIC}
"""What a row may be computed with; of others, such as CumSum and Slice, a row takes the rows before it."""


@dataclass
class RowChain:
    """The nodes that decode a table [rows, ...], and how they do the same to some of its rows."""

    leaves: dict[str, Shape] = field(default_factory=dict)
    """The stored tensors of which each row has its own part, in the shape [rows, ...]."""
    nodes: list[NodeProto] = field(default_factory=list)
    """Those that compute on them; the first gives the table."""
    targets: dict[int, Shape] = field(default_factory=dict)
    """id of a Reshape -> the shape that it gives a row."""


def row_chain(model: Model, scope: Scope, name: str) -> RowChain | None:
    """Return how the table `name`, which nodes decode, can be decoded by rows; None where it can't."""
    try:
        tracer = _Tracer(model, scope, name)
        tracer.follow(name)
    except NotConstant:
        return None
    return tracer.chain


class _Tracer:
    """Walks from a table to what is stored of its rows. Raises: NotConstant where a node does not work by rows."""

    def __init__(self, model: Model, scope: Scope, name: str) -> None:
        self.scope, self.name, self.shapes = scope, name, Chain(model, scope, name)
        self.rows = self.shape(name)[0] if self.shape(name) else 0
        self.chain = RowChain()

    def shape(self, name: str) -> Shape:
        """Return the shape of a constant."""
        known = self.shapes.known(self.scope, name)
        if known is None:
            raise NotConstant("no name")
        return known.shape

    def follow(self, name: str) -> None:
        """Note what makes `name` of the rows' own parts."""
        shape, scope = self.shape(name), self.scope
        if not shape or not self.rows or shape[0] % self.rows or not shape[0]:
            raise NotConstant("not by rows")
        row = shape[1:] if shape[0] == self.rows else (shape[0] // self.rows, *shape[1:])
        if name != self.name and (len(scope.uses.get(name, ())) != 1 or name in scope.outputs or not is_inner(name)):
            raise NotConstant("has other uses")
        node = scope.producers.get(name)
        if node is None:
            tensor = scope.initializers.get(name)
            if tensor is None or name in scope.inputs or BITS[tensor.data_type] < 8:
                raise NotConstant("not stored by rows")
            self.chain.leaves[name] = (self.rows, *row)
            return
        if node.op_type not in OPERATORS or node.domain not in ("", "ai.onnx"):
            raise NotConstant(f"{node.op_type} is not by rows")
        self.chain.nodes.append(node)
        for part in self._parts(node, shape):
            self.follow(part)
        if node.op_type == "Reshape":
            self.chain.targets[id(node)] = row

    def _parts(self, node: NodeProto, shape: Shape) -> list[str]:
        """Return the inputs of which a row of the output, which has `shape`, takes a row."""
        if node.op_type in ARITHMETIC:
            parts = [i for i in node.input if len(self.shape(i)) == len(shape)]
            if not parts or any(self.shape(i)[0] != shape[0] for i in parts):
                raise NotConstant("broadcast along rows")
            return parts
        attributes = constants.attributes(node)
        if attributes.get("axis") or attributes.get("allowzero"):
            raise NotConstant("not along rows")
        return [node.input[1] if node.op_type == "Gather" else node.input[0]]


def decodes_rows(emission: Emission, rows: int) -> bool:
    """Whether the nodes of an emission, not placed yet, decode a table of so many rows by rows."""
    if emission.local or not emission.nodes or not {n.op_type for n in emission.nodes} <= OPERATORS:
        return False
    parts = [s.proto for s in emission.stored if not s.shared and s.proto.dims and s.proto.dims[0] >= rows]
    return bool(parts) and all(p.dims[0] % rows == 0 and BITS[p.data_type] >= 8 for p in parts)


def load_bytes(model: Model, scope: Scope, name: str) -> float | None:
    """Return the bytes that a table decoded by rows takes when it is loaded, what is stored of it; None where it can't be."""
    chain = row_chain(model, scope, name)
    return None if chain is None else float(sum(model.nbytes(scope.initializers[leaf]) for leaf in chain.leaves))
