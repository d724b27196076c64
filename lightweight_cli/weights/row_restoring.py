"""The plain form of tables that are decoded by rows (row_decoding.py): the whole table decoded, then Gather."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from onnx import NodeProto

from lightweight_cli.model.scopes import Scopes
from lightweight_cli.weights import constants
from lightweight_cli.weights.constant_values import Chain
from lightweight_cli.weights.graph_edits import drop_unused_tables
from lightweight_cli.weights.looked_up import rank_of
from lightweight_cli.weights.naming import is_inner
from lightweight_cli.weights.not_constant import NotConstant
from lightweight_cli.weights.row_chain import ARITHMETIC, OPERATORS
from lightweight_cli.weights.row_decoding import shape_tensor
from lightweight_cli.weights.rows_taken import Restored, takes_rows

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model

Shape = tuple[int, ...]


@dataclass(eq=False, repr=False)
class Rows:
    """What makes the rows of one table: its Gathers, the nodes after them, and the shapes that a row takes."""

    index: str
    gathers: list[NodeProto] = field(default_factory=list)
    nodes: list[NodeProto] = field(default_factory=list)
    targets: dict[int, Shape] = field(default_factory=dict)
    rank: int | None = None
    count: int = 0


def decode_whole(model: Model) -> Restored:
    """Put the plain form in the place of tables decoded by rows. Returns: their names, and ranks of indices."""
    restored = Restored()
    scopes = Scopes(model.proto)
    main, taken = scopes.main, scopes.names()
    new: dict[int, list[NodeProto]] = {}
    seen: set[int] = set()
    for first in main.graph.node:
        if not takes_rows(first) or id(first) in seen:
            continue
        rows = _rows(model, scopes, first)
        if rows is None:
            continue
        last = rows.nodes[0]
        table = last.name
        if not table or table in taken or is_inner(table) or constants.is_constant(main, rows.index):
            continue
        taken.add(table)
        restored.names.add(table)
        if rows.rank is not None:
            restored.ranks[rows.index] = rows.rank
        seen |= {id(g) for g in rows.gathers}
        new |= {id(g): [] for g in rows.gathers}
        for node in rows.nodes:
            whole = NodeProto()
            whole.CopyFrom(node)
            for i, name in enumerate(whole.input):
                whole.input[i] = next((g.input[0] for g in rows.gathers if g.output[0] == name), name)
            if id(node) in rows.targets:
                whole.input[1] = shape_tensor(model, main, (rows.count, *rows.targets[id(node)]))
            new[id(node)] = [whole]
        gather = NodeProto()
        gather.CopyFrom(first)
        gather.input[0], gather.output[0] = table, last.output[0]
        new[id(last)][0].output[0] = table
        new[id(last)][0].ClearField("name")
        new[id(last)].append(gather)
    order = [n for node in main.graph.node for n in new.get(id(node), [node])]
    del main.graph.node[:]
    main.graph.node.extend(order)
    drop_unused_tables(model.proto)
    return restored


def _rows(model: Model, scopes: Scopes, first: NodeProto) -> Rows | None:
    """Return what makes the rows that `first` takes a part of; None where it is not as row_decoding.py makes it."""
    main, last = scopes.main, first
    for _ in range(constants.DEEPEST):
        if not is_inner(last.output[0]):
            break
        uses = main.uses.get(last.output[0], ())
        if not uses or uses[0].scope is not main or not uses[0].node.output:
            return None
        last = uses[0].node
    tracer = _Tracer(model, scopes, Rows(first.input[1]))
    try:
        tracer.row(last.output[0])
    except NotConstant:
        return None
    rows = tracer.rows
    known = rank_of(main, rows.index, {})
    fits = rows.rank is None or known is None or rows.rank == known
    mine = {id(n) for n in rows.nodes}
    alone = all(u.scope is main and id(u.node) in mine for n in (*rows.gathers, *rows.nodes[1:]) for u in main.uses.get(n.output[0], ()))
    return rows if fits and alone and rows.nodes and any(g is first for g in rows.gathers) else None


class _Tracer:
    """Walks from the decoded rows to the Gathers. Raises: NotConstant where something is not as row_decoding.py makes it."""

    def __init__(self, model: Model, scopes: Scopes, rows: Rows) -> None:
        self.model, self.main, self.rows = model, scopes.main, rows
        self.shapes: dict[str, Shape] = {}

    def row(self, name: str) -> Shape:
        """Return the shape of one row of `name`."""
        if name not in self.shapes:
            self.shapes[name] = self._row(name)
        return self.shapes[name]

    def _row(self, name: str) -> Shape:
        main, rows = self.main, self.rows
        node = main.producers.get(name)
        last = not rows.nodes
        if node is None or node.domain not in ("", "ai.onnx") or node.op_type not in OPERATORS or len(node.output) != 1:
            raise NotConstant("not by rows")
        if not last and (name in main.outputs or not is_inner(name)):
            raise NotConstant("has other uses")
        attributes = constants.attributes(node)
        if attributes.get("axis") or attributes.get("allowzero"):
            raise NotConstant("not along rows")
        if takes_rows(node):
            return self._taken(node)
        rows.nodes.append(node)
        if len(rows.nodes) > constants.DEEPEST:
            raise NotConstant("too long")
        if node.op_type == "Cast":
            return self.row(node.input[0])
        if node.op_type == "Gather":
            return (*self.row(node.input[1]), *self._constant(node.input[0])[1:])
        if node.op_type in ARITHMETIC:
            return self._arithmetic(node)
        return self._reshape(node)

    def _taken(self, node: NodeProto) -> Shape:
        held, rows = node.input[0], self.rows
        dims = self._constant(held)
        if (node.input[1] != rows.index or not dims or dims[0] != (rows.count or dims[0]) or dims[0] < 1
                or len(self.main.uses[held]) != 1 or held in self.main.inputs | self.main.outputs):
            raise NotConstant("not the same rows")
        rows.gathers.append(node)
        rows.count = dims[0]
        return dims[1:]

    def _constant(self, name: str) -> Shape:
        known = Chain(self.model, self.main, name).known(self.main, name)
        if known is None:
            raise NotConstant("no name")
        return known.shape

    def _arithmetic(self, node: NodeProto) -> Shape:
        fixed = [constants.is_constant(self.main, i) for i in node.input]
        shapes = [self._constant(i) if f else self.row(i) for i, f in zip(node.input, fixed, strict=True)]
        varying = [s for s, f in zip(shapes, fixed, strict=True) if not f]
        rank = len(varying[0]) if varying else -1
        if any(len(s) != rank for s in varying) or any(len(s) > rank for s in shapes):
            raise NotConstant("broadcast along rows")
        wide = [[1] * (rank - len(s)) + list(s) for s in shapes]
        if any(min(d) < 1 or (min(d) != max(d) and min(d) != 1) for d in zip(*wide, strict=True)):
            raise NotConstant("shapes that do not fit")
        return tuple(max(d) for d in zip(*wide, strict=True))

    def _reshape(self, node: NodeProto) -> Shape:
        tensor = self.main.initializers.get(node.input[1])
        if tensor is None or node.input[1] in self.main.inputs or math.prod(tensor.dims) > 64:
            raise NotConstant("not to a shape of its own")
        dims = tuple(int(d) for d in self.model.array(tensor).reshape(-1))
        rank = next((i for i, d in enumerate(dims) if d), len(dims))
        row = dims[rank:]
        if min(row, default=1) < 1 or self.rows.rank not in (None, rank) or math.prod(self.row(node.input[0])) != math.prod(row):
            raise NotConstant("not to rows")
        self.rows.rank = rank
        self.rows.targets[id(node)] = row
        return row
