"""Models given as text, with weights given as arrays, and what a pass made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, helper, numpy_helper

from lightweight_cli.model.model import Model
from lightweight_cli.model.scopes import subgraphs
from lightweight_cli.passes.unpack.decoding import decode_all
from lightweight_cli.pipeline.context import Context
from lightweight_cli.pipeline.step_report import StepReport

MATMUL = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[n, 64] x) => (float[n, 32] y) <float[64, 32] W> { y = MatMul (x, W) }
"""
CONV = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[1, 8, 9, 9] x) => (float[1, 16, 7, 7] y) <float[16, 8, 3, 3] W> { y = Conv (x, W) }
"""
BRANCHES = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[n, 64] x, bool c) => (float[n, 32] y)
<float[64, 32] W>
{
  y = If (c) <
    then_branch = t () => (float[n, 32] a) <float[64, 32] V> { a = MatMul (x, V) },
    else_branch = e () => (float[n, 32] a) { a = MatMul (x, W) }
  >
}
"""
CONSTANT = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[n, 64] x) => (float[n, 32] y) { W = Constant <value = float[1] {0}> () y = MatMul (x, W) }
"""
TIED = """
<ir_version: 8, opset_import: ["" : 17]>
g (int64[n] i, float[n, 32] x) => (float[n, 32] e, float[n, 64] y) <float[64, 32] W>
{ e = Gather (W, i) t = Transpose <perm = [1, 0]> (W) y = MatMul (x, t) }
"""
FUNCTION = """
<ir_version: 8, opset_import: ["" : 17, "own" : 1]>
g (float[n, 64] x) => (float[n, 32] y) { y = own.dense (x) }
<domain: "own", opset_import: ["" : 17]>
dense (x) => (y) { W = Constant <value = float[1] {0}> () y = MatMul (x, W) }
"""
OUTPUT = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[n, 64] x) => (float[n, 32] y, float[64, 32] W) <float[64, 32] W> { y = MatMul (x, W) }
"""


def filled(text: str, **arrays: np.ndarray) -> ModelProto:
    """Parse a model, and give the named initializers and Constant nodes their values."""
    model = onnx.parser.parse_model(text)
    for graph in (*graphs(model.graph), *model.functions):
        for node in graph.node:
            if node.op_type == "Constant" and node.output[0] in arrays:
                node.attribute[0].t.CopyFrom(numpy_helper.from_array(arrays[node.output[0]]))
        if isinstance(graph, GraphProto):
            for info in list(graph.value_info):
                if info.name in arrays:
                    graph.initializer.append(numpy_helper.from_array(arrays[info.name], info.name))
                    graph.value_info.remove(info)
    return model


def graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """Yield a graph and those within it."""
    yield graph
    for inner in subgraphs(graph):
        yield from graphs(inner)


def gaussian(*shape: int, seed: int = 0) -> np.ndarray:
    """Weights as layers have them."""
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def stepped(model: Model, function: Callable[..., int], **options: Any) -> StepReport:
    """Run a pass on a model; return its report."""
    step = StepReport("")
    step.changed = function(Context(model, step), **options)
    return step


def plain(model: Model, name: str = "W") -> np.ndarray:
    """Decode all weights of a model for good, and return one from wherever it is."""
    decode_all(Context(model, StepReport("")))
    for graph in (*graphs(model.proto.graph), *model.proto.functions):
        if isinstance(graph, GraphProto):
            for tensor in graph.initializer:
                if tensor.name == name:
                    return model.array(tensor)
        for node in graph.node:
            if node.op_type == "Constant" and node.output[0] == name:
                return model.array(node.attribute[0].t)
    raise KeyError(name)


def opset(model: ModelProto, version: int) -> ModelProto:
    """Declare another opset."""
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("", version))
    return model
