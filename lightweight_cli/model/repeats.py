"""One name, two tensors: runtimes differ in which they take, so there is no model to keep to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightweight_cli.errors import InputError, printable
from lightweight_cli.model.scopes import subgraphs

if TYPE_CHECKING:
    from onnx import GraphProto, TensorProto

    from lightweight_cli.model.model import Model


def check_repeats(model: Model) -> None:
    """Refuse a model where a graph gives one name to two unlike initializers. Raises: InputError.

    onnxruntime 1.32 takes the first of them, 1.31 the last, if they are large. Like ones do no harm: onnxruntime 1.23
    writes those of subgraphs twice.
    """
    todo = [model.proto.graph, *(inner for f in model.proto.functions for inner in subgraphs(f))]
    for graph in todo:
        todo.extend(subgraphs(graph))
        _check(model, graph)


def _check(model: Model, graph: GraphProto) -> None:
    known: dict[str, TensorProto] = {}
    sparse = {s.values.name for s in graph.sparse_initializer}
    for tensor in graph.initializer:
        first = known.setdefault(tensor.name, tensor)
        if tensor.name in sparse or (first is not tensor and not _alike(model, first, tensor)):
            raise InputError(f"initializer {printable(tensor.name)!r} is given twice: runtimes differ in which one they take")
    if len(sparse) < len(graph.sparse_initializer):
        raise InputError("a sparse initializer is given twice: runtimes differ in which one they take")


def _alike(model: Model, a: TensorProto, b: TensorProto) -> bool:
    if (a.data_type, a.dims) != (b.data_type, b.dims):
        return False
    if a.data_type == a.STRING:
        return list(a.string_data) == list(b.string_data)
    return model.array(a).tobytes() == model.array(b).tobytes()
