"""Tables that only a Gather reads, decoded by rows: Gather on what has a part for each row, then the decoding nodes on the rows it took.

A decoded table takes its time and memory when a model is loaded, and its memory from then on; of a table of embeddings, a run
reads few rows. The values are the same to the bit. Passes see the plain form, Gather on the decoded table: row_restoring.py
makes it before each step, this after it.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from onnx import NodeProto, helper, numpy_helper

from lightweight_cli.model.output_external import single_pieces
from lightweight_cli.model.scopes import Scope, Scopes
from lightweight_cli.weights.graph_edits import drop_unused_tables
from lightweight_cli.weights.looked_up import index_of, is_large, rank_of
from lightweight_cli.weights.naming import unused
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
        if chain is None or not is_large(model, main, table) or not taken.isdisjoint(renamed(chain)):
            continue
        if not chain.targets or rank_of(main, node.input[1], ranks) is not None:
            found[id(node)] = node, chain
    if not found:
        return
    before = model.serialized()
    names = unused(taken)
    nodes = {i: _by_rows(model, main, node, chain, rank_of(main, node.input[1], ranks) or 0, names) for i, (node, chain) in found.items()}
    moved = {id(n) for _, chain in found.values() for n in chain.nodes if id(n) not in chain.kept}
    order = [new for n in main.graph.node if id(n) not in moved for new in nodes.get(id(n), [n])]
    del main.graph.node[:]
    main.graph.node.extend(order)
    drop_unused_tables(model.proto)
    if single_pieces(model)[1] > limit:
        model.proto.ParseFromString(before)


def renamed(chain: RowChain) -> set[str]:
    """Return the names that a chain's leaves and copied nodes will have for rows."""
    return {name + ROWS for name in (*chain.leaves, *(n.output[0] for n in chain.nodes if id(n) in chain.kept))}


def _by_rows(model: Model, main: Scope, gather: NodeProto, chain: RowChain, rank: int, names: Iterator[str]) -> list[NodeProto]:
    """Return the nodes that take rows of what there is for each and decode them; the last has the table's name as its own."""
    shaped: list[NodeProto] = []
    gathers: list[NodeProto] = []
    nodes: list[NodeProto] = []
    rows = {n.output[0]: n.output[0] + ROWS for n in chain.nodes if id(n) in chain.kept}
    for leaf, dims in chain.leaves.items():
        held = leaf
        if leaf in chain.apart:
            held = next(names)
            shaped.append(helper.make_node("Reshape", [leaf, shape_tensor(model, main, dims)], [held]))
        elif leaf in main.initializers:
            del main.initializers[leaf].dims[:]
            main.initializers[leaf].dims.extend(dims)
        node = NodeProto()
        if gathers:
            node.CopyFrom(helper.make_node("Gather", [held, gather.input[1]], [held + ROWS], axis=0))
        else:
            node.CopyFrom(gather)  # its name and notes stay
            node.input[0], node.output[0] = held, held + ROWS
        gathers.append(node)
        rows[leaf] = held + ROWS
    mine = {id(n) for n in chain.nodes}
    for old in (n for n in main.graph.node if id(n) in mine):
        node = NodeProto()
        node.CopyFrom(old)
        for i, name in enumerate(node.input):
            node.input[i] = rows.get(name, name)
        node.output[0] = rows.get(node.output[0], node.output[0])
        if id(old) in chain.targets:
            node.input[1] = shape_tensor(model, main, (*[0] * rank, *chain.targets[id(old)]))
        nodes.append(node)
    nodes[-1].name, nodes[-1].output[0] = gather.input[0], gather.output[0]
    return [*shaped, *gathers, *nodes]


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
