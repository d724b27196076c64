"""Tables that only a Gather reads, decoded by rows: Gather on the codes, then the decoding nodes on the rows that it took.

A decoded table takes its time and memory when a model is loaded, and its memory from then on; of a table of embeddings, a run
reads few rows. The values are the same to the bit. Passes see the plain form, Gather on the decoded table: row_restoring.py
makes it before each step, this after it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np
from onnx import NodeProto, helper

from lightweight_cli.model.blobs import Blob
from lightweight_cli.model.output_external import single_pieces
from lightweight_cli.model.scopes import Scope, Scopes
from lightweight_cli.weights import constant_values, constants
from lightweight_cli.weights.operator_inputs import ROWS
from lightweight_cli.weights.rewrite import drop_unused_tables
from lightweight_cli.weights.row_chain import RowChain, row_chain
from lightweight_cli.weights.search import INNER

if TYPE_CHECKING:
    from onnx import TensorProto

    from lightweight_cli.model.model import Model

LEAST = 1 << 18
"""Bytes of a decoded table from which it is decoded by rows: what that saves at load is some hundred times the nodes it adds."""
SAME_RANK = {"Cast", "Identity", "Slice", "Clip", "Abs", "Neg", "CumSum"}
"""Operators whose output has the rank of their first input."""


def decode_by_rows(model: Model, only: Collection[str] | None, ranks: Mapping[str, int], limit: int) -> None:
    """Decode tables by rows, all that can be or those named in `only`, unless the file would then have more than `limit` bytes.

    `ranks` are ranks of indices that are known from before.
    """
    scopes = Scopes(model.proto)
    main, taken = scopes.main, scopes.names()
    found: dict[int, tuple[NodeProto, RowChain]] = {}
    for node in main.graph.node:
        if node.op_type == "Gather" and (only is None or node.input[0] in only) and is_looked_up(scopes, node.input[0]):
            chain = row_chain(model, main, node.input[0])
            if chain is not None and large(model, main, node.input[0]):
                known = not chain.targets or rank_of(main, node.input[1], ranks) is not None
                if known and not any(leaf + ROWS in taken for leaf in chain.leaves):
                    found[id(node)] = node, chain
    if not found:
        return
    before = model.serialized()
    nodes = {i: _by_rows(model, main, node, chain, rank_of(main, node.input[1], ranks) or 0) for i, (node, chain) in found.items()}
    moved = {id(n) for _, chain in found.values() for n in chain.nodes}
    order = [new for n in main.graph.node if id(n) not in moved for new in nodes.get(id(n), [n])]
    del main.graph.node[:]
    main.graph.node.extend(order)
    drop_unused_tables(model.proto)
    if single_pieces(model)[1] > limit:
        model.proto.ParseFromString(before)


def is_looked_up(scopes: Scopes, name: str) -> bool:
    """Whether one Gather of the main graph, along the first axis by indices that vary, is all that reads the value `name` there."""
    main = scopes.main
    uses = main.uses.get(name, ())
    if len(uses) != 1 or name in main.outputs or name in main.inputs:
        return False
    scope, node, index = uses[0]
    return (scope is main and index == 0 and node.op_type == "Gather" and node.domain in ("", "ai.onnx")
            and not constants.attributes(node).get("axis") and not constants.is_constant(main, node.input[1]))


def large(model: Model, main: Scope, name: str) -> bool:
    """Whether a decoded table takes enough memory."""
    shape, dtype = constant_values.shape_of(model, main, name)
    return math.prod(shape) * dtype.itemsize >= LEAST


def rank_of(main: Scope, name: str, ranks: Mapping[str, int]) -> int | None:
    """Return the rank of a value as far as the graph tells."""
    known = dict(ranks)
    for info in (*main.graph.value_info, *main.graph.input):
        if info.type.tensor_type.HasField("shape"):
            known[info.name] = len(info.type.tensor_type.shape.dim)
    while name not in known:
        node = main.producers.get(name)
        if node is None or node.op_type not in SAME_RANK or node.domain not in ("", "ai.onnx"):
            return None
        name = node.input[0]
    return known[name]


def _by_rows(model: Model, main: Scope, gather: NodeProto, chain: RowChain, rank: int) -> list[NodeProto]:
    """Return the nodes that take rows of what is stored and decode them; the last has the table's name as its own."""
    nodes = []
    for leaf, dims in chain.leaves.items():
        node = NodeProto()
        if nodes:
            node.CopyFrom(helper.make_node("Gather", [leaf, gather.input[1]], [leaf + ROWS], axis=0))
        else:
            node.CopyFrom(gather)  # its name and notes stay
            node.input[0], node.output[0] = leaf, leaf + ROWS
        nodes.append(node)
        del main.initializers[leaf].dims[:]
        main.initializers[leaf].dims.extend(dims)
    mine = {id(n) for n in chain.nodes}
    prefix = next(m[0] for leaf in chain.leaves if (m := INNER.match(leaf)))
    for old in (n for n in main.graph.node if id(n) in mine):
        node = NodeProto()
        node.CopyFrom(old)
        for i, name in enumerate(node.input):
            if name in chain.leaves:
                node.input[i] = name + ROWS
        if id(old) in chain.targets:
            node.input[1] = set_shape(model, main, node.input[1], prefix, (*[0] * rank, *chain.targets[id(old)]))
        nodes.append(node)
    nodes[-1].name, nodes[-1].output[0] = gather.input[0], gather.output[0]
    return nodes


def own_shape(main: Scope, name: str) -> TensorProto | None:
    """Return the initializer `name` if it is a shape that one node of one weight reads."""
    own = INNER.match(name) and len(main.uses.get(name, ())) == 1 and name not in main.inputs | main.outputs | main.producers.keys()
    return main.initializers.get(name) if own else None


def set_shape(model: Model, main: Scope, now: str, prefix: str, dims: tuple[int, ...]) -> str:
    """Make the shape tensor `now` hold `dims`, or a new one where others read it too; return its name."""
    tensor = own_shape(main, now)
    if tensor is None:
        tensor = main.graph.initializer.add(name=next(n for i in itertools.count() if not main.defines(n := f"{prefix}d{i or ''}")))
        main.initializers[tensor.name] = tensor
    content = np.array(dims, np.int64)
    tensor.data_type = helper.np_dtype_to_tensor_dtype(content.dtype)
    del tensor.dims[:]
    tensor.dims.append(content.size)
    model.attach(tensor, Blob(content.nbytes, data=content.tobytes()))
    return tensor.name
