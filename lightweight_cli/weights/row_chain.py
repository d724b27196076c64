"""Which decoding chains can be computed on some rows alone: from a table back to what has a part for each row.

Nodes that make a row of rows are left to each run. What they read is stored by rows, as codes in bytes are, or computed for all rows when
the model is loaded, as how many ones there are before each byte of a split tree's bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lightweight_cli.model.tensors import BITS
from lightweight_cli.weights import constants
from lightweight_cli.weights.constant_values import Chain
from lightweight_cli.weights.naming import is_inner
from lightweight_cli.weights.not_constant import NotConstant

if TYPE_CHECKING:
    from onnx import NodeProto

    from lightweight_cli.model.model import Model
    from lightweight_cli.model.scopes import Scope
    from lightweight_cli.weights.emission import Emission

Shape = tuple[int, ...]
ARITHMETIC = ("Add", "Sub", "Mul", "Where")
OPERATORS = {"Cast", "Gather", "Reshape", *ARITHMETIC}
"""What a row may be computed with; of others, such as CumSum and Slice, a row takes the rows before it."""
WORTH = 2
"""Times that a table must be larger than what has a part for each of its rows."""


@dataclass(eq=False, repr=False)
class RowChain:
    """The nodes that decode a table [rows, ...], and how they do the same to some of its rows."""

    leaves: dict[str, Shape] = field(default_factory=dict)
    """The tensors of which each row has its own part, stored or computed at load, in the shape [rows, ...]."""
    apart: set[str] = field(default_factory=set)
    """Leaves that something else reads too, or that are computed in another shape: rows are taken of a Reshape."""
    nodes: list[NodeProto] = field(default_factory=list)
    """Those that compute on them; the first gives the table."""
    kept: set[int] = field(default_factory=set)
    """id of nodes of these that something else needs too: they stay beside their copies for rows."""
    targets: dict[int, Shape] = field(default_factory=dict)
    """id of a Reshape -> the shape that it gives a row."""


def row_chain(model: Model, scope: Scope, name: str) -> RowChain | None:
    """Return how the table `name`, which nodes decode, can be decoded by rows; None where it can't, or saves nothing."""
    try:
        tracer = _Tracer(model, scope, name)
        tracer.follow(name)
        return tracer.finished()
    except NotConstant:
        return None


class _Tracer:
    """Walks from a table to what has a part for each row. Raises: NotConstant where there is no such thing."""

    def __init__(self, model: Model, scope: Scope, name: str) -> None:
        self.scope, self.name, self.shapes = scope, name, Chain(model, scope, name)
        self.rows = self.shape(name)[0] if self.shape(name) else 0
        self.chain = RowChain()
        self.followed: dict[str, bool] = {}

    def shape(self, name: str) -> Shape:
        """Return the shape of a constant."""
        known = self.shapes.known(self.scope, name)
        if known is None:
            raise NotConstant("no name")
        return known.shape

    def nbytes(self, name: str) -> int:
        """Return the bytes of a constant."""
        return math.prod(self.shape(name)) * self.shapes.shapes[id(self.scope), name].dtype.itemsize

    def follow(self, name: str) -> bool:
        """Note what makes `name` of the rows' own parts. Returns: whether it is more than such a part that others need too."""
        if name not in self.followed:
            self.followed[name] = self._follow(name)
        return self.followed[name]

    def _follow(self, name: str) -> bool:
        shape, scope, chain = self.shape(name), self.scope, self.chain
        if not shape or not self.rows or shape[0] % self.rows or not shape[0]:
            raise NotConstant("not by rows")
        row = shape[1:] if shape[0] == self.rows else (shape[0] // self.rows, *shape[1:])
        if name != self.name and (name in scope.outputs or not is_inner(name)):
            raise NotConstant("has other uses")
        node = scope.producers.get(name)
        if node is None:
            tensor = scope.initializers.get(name)
            if tensor is None or name in scope.inputs or BITS[tensor.data_type] < 8:
                raise NotConstant("not stored by rows")
            chain.leaves[name] = (self.rows, *row)
            return len(scope.uses[name]) == 1
        before = dict(chain.leaves), list(chain.nodes), dict(chain.targets), dict(self.followed)
        try:
            chain.nodes.append(node)
            more = [self.follow(part) for part in self._parts(node, shape)]
            if node.op_type == "Reshape":
                chain.targets[id(node)] = row
            if node.op_type != "Reshape" or more[0] or shape[0] != self.rows or name == self.name:
                return True
        except NotConstant:
            if name == self.name:
                raise
        chain.leaves, chain.nodes, chain.targets, self.followed = before
        chain.leaves[name] = (self.rows, *row)
        return False

    def _parts(self, node: NodeProto, shape: Shape) -> list[str]:
        """Return the inputs of which a row of the output, which has `shape`, takes a row."""
        if node.op_type not in OPERATORS or node.domain not in ("", "ai.onnx"):
            raise NotConstant(f"{node.op_type} is not by rows")
        if node.op_type in ARITHMETIC:
            parts = [i for i in node.input if len(self.shape(i)) == len(shape)]
            if not parts or any(self.shape(i)[0] != shape[0] for i in parts):
                raise NotConstant("broadcast along rows")
            return parts
        attributes = constants.attributes(node)
        if attributes.get("axis") or attributes.get("allowzero"):
            raise NotConstant("not along rows")
        return [node.input[1] if node.op_type == "Gather" else node.input[0]]

    def finished(self) -> RowChain:
        """Return the chain, with what others need of it. Raises: NotConstant where it saves too little."""
        chain, scope = self.chain, self.scope
        if WORTH * sum(self.nbytes(leaf) for leaf in chain.leaves) > self.nbytes(self.name):
            raise NotConstant("no smaller")
        moved = {id(n) for n in chain.nodes}
        while True:
            needed = {id(n) for n in chain.nodes[1:] if any(id(u.node) not in moved - chain.kept for u in scope.uses[n.output[0]])}
            if needed == chain.kept:
                break
            chain.kept = needed
        gone = moved - chain.kept
        for leaf, dims in chain.leaves.items():
            shared = any(id(use.node) not in gone for use in scope.uses[leaf])
            if shared or (leaf not in scope.initializers and self.shape(leaf) != dims):
                chain.apart.add(leaf)
        return chain

    def load_bytes(self) -> float:
        """Return the bytes of all that is stored, or computed at load."""
        gone = {n.output[0] for n in self.chain.nodes if id(n) not in self.chain.kept}
        return float(sum(math.prod(k.shape) * k.dtype.itemsize for (_, name), k in self.shapes.shapes.items() if name not in gone))


def row_bytes(emission: Emission, rows: int) -> float:
    """Return the bytes that the nodes of an emission, not placed yet, take at load where a table of so many rows is decoded by rows."""
    parts = [s.proto for s in emission.stored if not s.shared and s.proto.dims and s.proto.dims[0] >= rows]
    stored = not emission.local and emission.nodes and {n.op_type for n in emission.nodes} <= OPERATORS
    if stored and parts and all(p.dims[0] % rows == 0 and BITS[p.data_type] >= 8 for p in parts):
        return emission.nbytes
    return emission.load_bytes - (0.0 if emission.local else emission.left_to_rows)


def load_bytes(model: Model, scope: Scope, name: str) -> float | None:
    """Return the bytes that a table decoded by rows takes when it is loaded; None where it can't be."""
    try:
        tracer = _Tracer(model, scope, name)
        tracer.follow(name)
        tracer.finished()
        return tracer.load_bytes()
    except NotConstant:
        return None
