"""Models given as text whose layers are put into integers, and what they give before and after."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import ModelProto, numpy_helper

from lightweight_cli.compute.apply import apply
from lightweight_cli.compute.layer import layers_of
from lightweight_cli.compute.seen import Seen
from lightweight_cli.model.load import load
from lightweight_cli.model.output_folder import write_into
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.weights.search import find_weights

Ranges = dict[str, tuple[float, float]]


def filled(text: str, seed: int = 0) -> ModelProto:
    """Parse a model, and give what is declared as initializers without values, and Constant nodes, random ones."""
    proto, random = onnx.parser.parse_model(text), np.random.default_rng(seed)
    graphs = [proto.graph, *(a.g for n in proto.graph.node for a in n.attribute if a.HasField("g"))]
    for graph in graphs:
        for info in graph.value_info:
            dims = [d.dim_value for d in info.type.tensor_type.shape.dim]
            values = random.standard_normal(dims).astype(np.float32) / 8
            graph.initializer.append(numpy_helper.from_array(values, info.name))
        del graph.value_info[:]
    for node in (n for g in (*graphs, *proto.functions) for n in g.node if n.op_type == "Constant"):
        values = random.standard_normal((64, 32)).astype(np.float32) / 8
        node.attribute[0].t.CopyFrom(numpy_helper.from_array(values))
    return proto


def in_integers(folder: Path, proto: ModelProto, form: str, ranges: Ranges | None = None,
                balance: dict[str, np.ndarray] | None = None) -> tuple[str, str, int]:
    """Put all layers that can be into a form, with 7 bits, which are right on any processor.

    Returns: the paths of both models, and how many layers it were.
    """
    path = str(folder / "float.onnx")
    onnx.save(proto, path)
    model = load(path)
    layers, _ = layers_of(find_weights(model, Scopes(model.proto)))
    found, _ = apply(model, {layer.key: form for layer in layers}, True, Seen(ranges or {}, balance or {}))
    return path, write_into(model, str(folder), "integers"), len(found)


def outputs(path: str, feed: dict[str, np.ndarray], folder: Path | None = None) -> tuple[list[np.ndarray], Counter[str]]:
    """Run a model. Returns: its outputs, and the operators of what onnxruntime made of it."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    if folder is not None:
        options.optimized_model_filepath = str(folder / "optimized.onnx")
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    made = Counter(n.op_type for n in onnx.load(folder / "optimized.onnx").graph.node) if folder is not None else Counter()
    return session.run(None, feed), made


def decibels(wanted: np.ndarray, got: np.ndarray) -> float:
    """SQNR of an output."""
    return float(10 * np.log10((wanted**2).sum() / ((wanted - got) ** 2).sum()))
