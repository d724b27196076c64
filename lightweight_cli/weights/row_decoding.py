"""Tables that only a Gather reads, decoded by rows: Gather on the codes, then the decoding nodes on the rows that it took.

A decoded table takes its time and memory when a model is loaded, and its memory from then on; of a table of embeddings, a run
reads few rows. The values are the same to the bit. Passes see the plain form, Gather on the decoded table: row_restoring.py
makes it before each step, this after it.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np
from onnx import NodeProto, helper, numpy_helper

from lightweight_cli.model.output_external import single_pieces
from lightweight_cli.model.scopes import Scope, Scopes
from lightweight_cli.weights.graph_edits import drop_unused_tables
from lightweight_cli.weights.looked_up import index_of, is_large, rank_of
from lightweight_cli.weights.operator_inputs import ROWS
from lightweight_cli.weights.row_chain import RowChain, row_chain

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model

def decode_by_rows(model: Model, only: Collection[str] | None, ranks: Mapping[str, int], limit: int) -> None:
    """Decode tables by rows, all that can be or those named in `only`, unless the file would then have more than `limit` bytes.

    `ranks` are ranks of indices that are known from before.
    """
    scopes = Scopes(model.proto)
    main, taken = scopes.main, scopes.names()
    found: dict[int, tuple[NodeProto, RowChain]] = {}
    for node in main.graph.node:
        table = node.input[0] if node.op_type == "Gather" else ""
        if table not in main.producers or (only is not None and table not in only) or index_of(main, table) is None:
            continue
        chain = row_chain(model, main, table)
        if chain is None or not is_large(model, main, table) or not taken.isdisjoint(leaf + ROWS for leaf in chain.leaves):
            continue
        if not chain.targets or rank_of(main, node.input[1], ranks) is not None:
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


def _by_rows(model: Model, main: Scope, gather: NodeProto, chain: RowChain, rank: int) -> list[NodeProto]:
    """Return the nodes that take rows of what is stored and decode them; the last has the table's name as its own."""
    nodes: list[NodeProto] = []
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
    for old in (n for n in main.graph.node if id(n) in mine):
        node = NodeProto()
        node.CopyFrom(old)
        for i, name in enumerate(node.input):
            if name in chain.leaves:
                node.input[i] = name + ROWS
        if id(old) in chain.targets:
            node.input[1] = shape_tensor(model, main, (*[0] * rank, *chain.targets[id(old)]))
        nodes.append(node)
    nodes[-1].name, nodes[-1].output[0] = gather.input[0], gather.output[0]
    return nodes


def shape_tensor(model: Model, main: Scope, dims: tuple[int, ...]) -> str:
    """Return the name of a stored tensor that holds `dims`, shared by all that need the same."""
    content, name = np.array(dims, np.int64), ".s" + "x".join(map(str, dims))
    for i in itertools.count():
        known = main.initializers.get(candidate := f"{name}.{i}" if i else name)
        if known is not None and candidate not in main.inputs and np.array_equal(model.array(known), content):
            return candidate
        if not main.defines(candidate):
            break
    tensor = main.graph.initializer.add()
    tensor.CopyFrom(numpy_helper.from_array(content, candidate))
    main.initializers[candidate] = tensor
    return candidate
