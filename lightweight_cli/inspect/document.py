"""Everything `lwc inspect` says, as one document: what `--json` prints and the table is drawn from."""

from __future__ import annotations

from lightweight_cli.errors import InputError, printable
from lightweight_cli.inspect import duplicates
from lightweight_cli.inspect.attribution import rows_of
from lightweight_cli.inspect.breakdown import by_op, describe_external, describe_model, describe_row, grouped
from lightweight_cli.inspect.constants import Constants
from lightweight_cli.inspect.macs import Macs, count_macs
from lightweight_cli.inspect.messages import read
from lightweight_cli.inspect.rows import Row, is_parameter
from lightweight_cli.inspect.savings import STORAGE, savings_of
from lightweight_cli.inspect.source import Source
from lightweight_cli.model.wire import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from lightweight_cli.targets.target import Target

    Document: TypeAlias = dict[str, Any]

FORMAT = 1
"""Version of the document: raised when a key changes its meaning or goes."""


def report_dict(path: str | None, deep: bool = False, sizes: dict[str, int] | None = None, target: Target | None = None) -> Document:
    """Describe a model file (None or "-": standard input) without running it.

    `deep` reads the weight bytes and infers shapes; `sizes` gives values to symbolic dimensions (default 1); `target`: where it goes.
    Sizes are in bytes. Names are as in the file: untrusted text. null stands for "not known" or "not computed".

    Returns: a dictionary of plain values with the keys
      format      version of this document
      model       path, ir_version, opsets {domain: version}, producer, producer_version, model_version, graph,
                  metadata {key: value}, nodes, functions, inputs and outputs [{name, dtype, shape}]
      bytes       file, external, total; tensors (stored values), rest (graph, names, metadata)
      external    [{location, bytes, problem}] of each file with external data
      parameters  number of float values, or of the integers that stand for them
      macs        total over the nodes that could be counted, unknown (nodes that could not), nodes, sizes assumed,
                  inferred (whether shape inference was run)
      tensors     largest first: [{name, shape, dtype, bytes, elements, bits_per_element, encoding, decoded_by,
                  used_by, kind (initializer, Constant node, attribute, sparse_initializer), scope, external,
                  and with `deep`, for plain floats: zeros, sparsity, distinct (null: more than 65536)}]
      by_op       [{op, tensors, bytes, macs}]; by_dtype, by_encoding: [{name, tensors, bytes}]
      sparsity    null without `deep`; else {zeros, elements, share} over plain float tensors
      duplicates  {candidates: {tensors, bytes}, equal: null without `deep`, else {tensors, bytes, groups}}
      savings     [{pass, bytes, share, how}]: estimates, each pass alone
      storage     what these do not promise; null where no weight could be stored smaller
      target      null without one; else name, min_runtime, loads, file and passes (sentences), must_not_get, evidence, source
      notes       sentences on what could not be told
    Raises: InputError when there is no readable model.
    """
    source = Source(path)
    try:
        return _document(source, deep, sizes or {}, target)
    except WireError as error:
        raise InputError(f"{printable(source.name)}: not a readable ONNX model: {error}") from None
    except RecursionError:
        raise InputError(f"{printable(source.name)}: functions call each other too deep") from None


def _document(source: Source, deep: bool, sizes: dict[str, int], target: Target | None) -> Document:
    model = read(source.buf)  # type: ignore[arg-type]
    constants = Constants(model)
    rows = rows_of(constants)
    external = describe_external(constants, source)
    notes = [f"external data {e['location']}: {e['problem']}" for e in external if e["problem"]]
    macs = count_macs(model, constants, sizes)
    groups = duplicates.candidates(constants.stored)
    equal, sparsity, inferred = None, None, False
    if deep:
        equal = duplicates.equal(groups, source)
        sparsity = _sparsity(rows, source)
        try:
            macs = _inferred_macs(source, sizes)
            inferred = True
        except InputError as error:
            notes.append(str(error))
    size = len(source.buf)
    outside = sum(e["bytes"] for e in external)
    total = size + outside
    stored = sum(row.nbytes for row in rows)
    spare = None if equal is None else duplicates.spare_bytes(equal)
    document: Document = {
        "format": FORMAT,
        "model": describe_model(model, source, constants),
        "bytes": {"file": size, "external": outside, "total": total, "tensors": stored,
                  "rest": max(total - stored, 0)},
        "external": external,
        "parameters": sum(row.elements or 0 for row in rows if is_parameter(row)),
        "macs": {"total": macs.total, "unknown": macs.unknown, "nodes": macs.nodes, "sizes": macs.sizes,
                 "inferred": inferred},
        "tensors": [describe_row(row) for row in rows],
        "by_op": by_op(rows, macs),
        "by_dtype": grouped(rows, lambda row: row.type_name),
        "by_encoding": grouped(rows, lambda row: row.encoding),
        "sparsity": sparsity,
        "duplicates": {
            "candidates": {"tensors": sum(map(len, groups)), "bytes": duplicates.spare_bytes(groups)},
            "equal": None if equal is None else {
                "tensors": sum(map(len, equal)), "bytes": spare,
                "groups": [[part.name for part in group] for group in equal]},
        },
        "savings": [{"pass": s.step, "bytes": s.nbytes, "share": round(s.nbytes / total, 4), "how": s.how}
                    for s in savings_of(rows, model, spare)],
        "storage": STORAGE if any(row.is_weight for row in rows) else None,
        "target": None,
        "notes": notes,
    }  # fmt: skip
    if target is not None:
        from lightweight_cli.inspect.for_target import told

        document["target"] = told(target, document, model)
        document["savings"] = [s for s in document["savings"] if s["pass"].partition(" ")[0] not in target.passes]
    return document


def _inferred_macs(source: Source, sizes: dict[str, int]) -> Macs:
    from lightweight_cli.inspect.inference import inferred

    model, assumed = inferred(source, sizes)
    macs = count_macs(model, Constants(model), assumed)
    macs.sizes = assumed
    return macs


def _sparsity(rows: list[Row], source: Source) -> Document:
    from lightweight_cli.inspect.values import look_into

    look_into(rows, source)
    zeros = sum(row.zeros or 0 for row in rows)
    elements = sum(row.elements or 0 for row in rows if row.zeros is not None)
    return {"zeros": zeros, "elements": elements, "share": round(zeros / elements, 6) if elements else 0.0}
