"""Removing what nothing uses, part by part."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lightweight_cli.model.scopes import Scopes
from lightweight_cli.passes.strip.annotations import drop_notes
from lightweight_cli.passes.strip.liveness import sweep_model
from lightweight_cli.passes.strip.shapes import drop_shapes
from lightweight_cli.weights.graph_edits import modernise

if TYPE_CHECKING:
    from onnx import GraphProto

    from lightweight_cli.model.model import Model
    from lightweight_cli.pipeline.context import Context


def remove(context: Context, *, keep_doc: bool = False, metadata: bool = False, freeze_inputs: bool = False) -> int:
    """Remove what nothing uses, exporters' notes unless `keep_doc`, and the model's metadata properties if `metadata`.

    `freeze_inputs`: initializers that callers may override become constants.
    Returns: things removed.
    """
    model, removed = context.model, Counter[str]()
    if not model.proto.graph.output:
        context.step.note("left as it is: the model has no outputs, so nothing of it is used")
        return 0
    _drop_listed_initializers(model, removed)
    if freeze_inputs:
        context.step.frozen += _freeze(model.proto.graph)
        removed["input with a default"] += len(context.step.frozen)
    sweep_model(model.proto, removed)
    drop_shapes(model.proto, removed)
    drop_notes(model.proto, keep_doc, metadata, removed)
    told = [f"{kind} {count:,}" for kind, count in removed.items() if count]
    if told:
        context.step.note(f"removed, by kind: {', '.join(told)}")
    return removed.total()


def _drop_listed_initializers(model: Model, removed: Counter[str]) -> None:
    """Remove the inputs of files of IR 3 that are initializers: constants that had to be listed."""
    graph = model.proto.graph
    if model.proto.ir_version < 4 and {t.name for t in graph.initializer} & {v.name for v in graph.input}:
        before = len(graph.input)
        modernise(model, Scopes(model.proto).main)
        removed["listed initializer"] += before - len(graph.input)


def _freeze(graph: GraphProto) -> list[str]:
    """Remove the inputs that have an initializer. Returns: their names."""
    given = {t.name for t in graph.initializer} | {s.values.name for s in graph.sparse_initializer}
    frozen = [v.name for v in graph.input if v.name in given]
    for i in reversed(range(len(graph.input))):
        if graph.input[i].name in given:
            del graph.input[i]
    return frozen
