"""The proof of a cut: it gives exactly what the whole model does whose channels are zero where layers read them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, helper, numpy_helper

from lightweight_cli.model.load import load
from lightweight_cli.model.output_folder import write_into
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.passes.prune_channels.choosing import Choice, Wanted
from lightweight_cli.structure.cut import cut
from lightweight_cli.structure.groups import groups_of
from lightweight_cli.structure.trace import Kept, Layer, Trace
from lightweight_cli.structure.tracing import traced


def whole_numbers(proto: ModelProto, seed: int = 0) -> ModelProto:
    """Give random weights small whole values, so that sums are exact in any order; those that are whole stay."""
    R = np.random.default_rng(seed)
    for tensor in proto.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type == onnx.TensorProto.FLOAT and np.any(values != np.round(values)):
            tensor.CopyFrom(numpy_helper.from_array(R.integers(-2, 3, tuple(tensor.dims)).astype(np.float32), tensor.name))
    return proto


def cut_and_masked(path: str, folder: str, share: float, seed: int = 0, inner: bool = False) -> tuple[str, ModelProto, int]:
    """Cut a share of the channels, drawn at random. Returns: the result, the whole model with masks, and the channels that went."""
    model = load(path)
    trace = traced(model, Scopes(model.proto), inner)
    groups = groups_of(trace)
    R = np.random.default_rng(seed)
    choice = Choice(trace, groups, [R.random(g.size) for g in groups], Wanted(None, None, share))
    counts = choice.counts(share)
    kept = choice.kept(counts)
    proto = masked(onnx.load(path), model.proto, trace, kept)
    cut(trace, kept)
    Path(folder).mkdir(exist_ok=True)
    return write_into(model, folder, "cut"), proto, sum(counts)


def masked(whole: ModelProto, proto: ModelProto, trace: Trace, kept: Kept) -> ModelProto:
    """Return `whole`, the model that was traced as `proto`, with zeros for what goes where each layer reads it."""
    place = {id(node): i for i, node in enumerate(proto.graph.node)}
    before: dict[int, list[onnx.NodeProto]] = {}
    for number, layer in enumerate(trace.layers):
        labels, index, axis, rank = reads(trace, layer)
        shape = [1] * rank
        shape[axis] = len(labels)
        whole.graph.initializer.append(numpy_helper.from_array(kept(labels).astype(np.float32).reshape(shape), f"mask.{number}"))
        node = whole.graph.node[place[id(layer.node)]]
        before.setdefault(place[id(layer.node)], []).append(
            helper.make_node("Mul", [node.input[index], f"mask.{number}"], [f"masked.{number}"]))
        node.input[index] = f"masked.{number}"
    nodes = [n for i, node in enumerate(whole.graph.node) for n in (*before.get(i, ()), node)]
    del whole.graph.node[:]
    whole.graph.node.extend(nodes)
    return whole


def reads(trace: Trace, layer: Layer) -> tuple[np.ndarray, int, int, int]:
    """Return the labels of what a layer reads, which input that is, its axis and its rank."""
    node, index = layer.node, 0
    if node.op_type in ("LSTM", "GRU", "RNN") and layer.weight == node.input[2]:  # states are read within
        return layer.inputs, 2, 2, 3
    if layer.weight == node.input[0]:
        index = 1
    rank = trace.sizes.rank(node.input[index]) or 0
    transposed = any(a.name == "transA" and a.i for a in node.attribute)
    axis = 1 if node.op_type.startswith("Conv") else (0 if transposed else 1) if node.op_type == "Gemm" else rank - 2 if index else rank - 1
    labels = trace.axis(node.input[index], axis)
    assert labels is not None
    return labels, index, axis, rank
