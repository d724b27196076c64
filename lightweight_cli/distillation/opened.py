"""Both models as the child opens them: the student with its weights stored plainly, either with other tensors as outputs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING

from onnx import ModelProto, ValueInfoProto

from lightweight_cli.errors import InputError
from lightweight_cli.model.output_folder import write_into
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.runtime.sessions import open_session, reason
from lightweight_cli.weights.graph_edits import modernise

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

    from lightweight_cli.model.model import Model
    from lightweight_cli.weights.weight import Weight

MOST = 2_000_000_000
"""Bytes of a graph with its constants, which protobuf bounds."""


def store(model: Model, weights: Sequence[Weight]) -> None:
    """Make initializers of weights that nodes compute, or that are in Constant nodes."""
    graph, made = model.proto.graph, set()
    for weight in weights:
        if weight.name in weight.scope.producers:
            values = weight.read(0, weight.size)
            model.attach(graph.initializer.add(name=weight.name, data_type=weight.dtype, dims=weight.shape), model.spool.put(values))
            weight.forget()
            made.add(weight.name)
    nodes = [n for n in graph.node if not made.intersection(n.output)]
    del graph.node[:]
    graph.node.extend(nodes)
    modernise(model, Scopes(model.proto).main)


def whole(model: Model) -> ModelProto:
    """Return a model with its payloads in it. Raises: InputError for more than protobuf takes."""
    import onnx

    with tempfile.TemporaryDirectory(prefix="lwc-") as folder:
        path = write_into(model, folder, "model")
        if sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder)) > MOST:
            raise InputError("models of more than 2 GB are not trained")
        return onnx.load(path)


def session_of(proto: ModelProto, outputs: Sequence[str], threads: int, what: str) -> InferenceSession:
    """Open a model whose outputs are these tensors. Raises: InputError."""
    made = ModelProto()
    made.CopyFrom(proto)
    del made.graph.output[:]
    made.graph.output.extend(ValueInfoProto(name=name) for name in dict.fromkeys(outputs))
    try:
        return open_session(made.SerializeToString(), threads=threads, integers=False)
    except Exception as e:  # onnxruntime's exceptions have no common base
        raise InputError(f"onnxruntime can't load the {what}: {reason(e)}") from e
