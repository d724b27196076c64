"""The parts of the document: the model's head, its tensors, and their bytes by operator, type and encoding."""

from __future__ import annotations

from collections.abc import Callable

from lightweight_cli.inspect.constants import Constants
from lightweight_cli.inspect.macs import Macs
from lightweight_cli.inspect.records import Graph, Model
from lightweight_cli.inspect.rows import Row
from lightweight_cli.inspect.source import Source
from lightweight_cli.inspect.tensors import DTYPES
from lightweight_cli.inspect.value_info import declared

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Document: TypeAlias = dict[str, Any]


def describe_model(model: Model, source: Source, constants: Constants) -> Document:
    """Describe the head of a model and its interface."""
    graph = model.graph or Graph()
    stored = {tensor.name for tensor in graph.initializers}
    return {
        "path": source.name,
        "ir_version": model.ir_version,
        "opsets": model.opsets,
        "producer": model.producer,
        "producer_version": model.producer_version,
        "model_version": model.model_version,
        "graph": graph.name,
        "metadata": model.metadata,
        "nodes": constants.nodes,
        "functions": len(model.functions),
        "inputs": [_port(graph, name) for name in graph.inputs if name not in stored],
        "outputs": [_port(graph, name) for name in graph.outputs],
    }


def _port(graph: Graph, name: str) -> Document:
    dtype, dims = declared(graph.values[name])
    return {"name": name, "dtype": DTYPES[dtype][0] if dtype in DTYPES else None, "shape": dims}


def describe_external(constants: Constants, source: Source) -> list[Document]:
    """List the files with external data, in the order of their first tensor."""
    entries = [part.tensor.external for part in constants.stored if part.tensor.external is not None]
    locations = dict.fromkeys(entry.get("location", "") for entry in entries)
    return [{"location": location, "bytes": source.external(location).size,
             "problem": source.external(location).problem} for location in locations]  # fmt: skip


def describe_row(row: Row) -> Document:
    """Describe one weight or other constant."""
    stored = row.stored
    described: Document = {
        "name": row.value.name,
        "shape": None if row.dims is None else list(row.dims),
        "dtype": row.type_name,
        "bytes": row.nbytes,
        "elements": row.elements,
        "bits_per_element": None if row.bits is None else round(row.bits, 3),
        "encoding": row.encoding,
        "decoded_by": list(row.decoded_by),
        "used_by": row.used_by,
        "kind": stored.kind,
        "scope": stored.scope,
        "external": (stored.tensor.external or {}).get("location"),
    }
    if row.zeros is not None:
        share = row.zeros / row.elements if row.elements else 0.0
        described |= {"zeros": row.zeros, "sparsity": round(share, 6), "distinct": row.distinct}
    return described


def by_op(rows: list[Row], macs: Macs) -> list[Document]:
    """Sum bytes and MACs by operator; a tensor that several operators use is filed under all their names."""
    groups = grouped(rows, lambda row: " + ".join(row.used_by[:3]) + (" + ..." if len(row.used_by) > 3 else ""), "op")
    for op in macs.by_op:
        if all(group["op"] != op for group in groups):
            groups.append({"op": op, "tensors": 0, "bytes": 0})
    return [{**group, "macs": macs.by_op.get(group["op"], 0)} for group in groups]


def grouped(rows: list[Row], key: Callable[[Row], str], title: str = "name") -> list[Document]:
    """Sum tensors and bytes by `key`, largest first."""
    sums: dict[str, list[int]] = {}
    for row in rows:
        entry = sums.setdefault(key(row), [0, 0])
        entry[0] += 1
        entry[1] += row.nbytes
    ordered = sorted(sums.items(), key=lambda item: -item[1][1])
    return [{title: name, "tensors": count, "bytes": nbytes} for name, (count, nbytes) in ordered]
