"""What a model expects of its inputs, read from how it uses them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx

MOST_NODES = 200_000
"""Nodes looked at, function calls unrolled: a bomb of nested calls ends here."""
MOST_DEPTH = 40
MOST_VALUES = 4096
SAME_VALUES = {"Cast", "CastLike", "Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Transpose", "Slice",
               "Expand", "Tile", "Concat", "Split", "Clip", "Dropout", "Pad", "Gather", "Min"}
"""Operators whose output holds values of their inputs (or fewer)."""
COMPARISONS = {"Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"}
RECURRENT = {"LSTM", "GRU", "RNN", "DynamicQuantizeLSTM"}
# Operator -> (indices, table) inputs; the table's axis is an attribute or the first.
TABLES = {"Gather": ((1, 0),), "GatherElements": ((1, 0),), "GatherBlockQuantized": ((1, 0),),
          "EmbedLayerNormalization": ((0, 2), (1, 4), (8, 3)), "QEmbedLayerNormalization": ((0, 2), (1, 4))}

# Operator -> its input that holds the shape of the output.
SHAPED = {"Reshape": 1, "Expand": 1, "AffineGrid": 1, "ConstantOfShape": 0, "MaxUnpool": 2, "Resize": 3}

Origins = dict[str, float]
"""Graph inputs a value stems from -> constant added on the way."""


@dataclass
class Hint:
    """How one input is used."""

    rank: int | None = None
    """None: not declared."""
    below: int | None = None
    """Values index a table of so many rows."""
    compared: list[float] = field(default_factory=list)
    """Constants the values are compared with."""
    length: bool = False
    """Values are sequence lengths."""
    longest: int | None = None
    """The length that sequences have, where the model fixes it."""
    exact: tuple[int, ...] | None = None
    """The only values that give the declared shape of what they shape."""
    convolved: bool = False
    """Values are a signal or an image."""
    words: list[str] = field(default_factory=list)
    """Strings the model knows."""


class Walk:
    """One pass over a skeleton, following each input forward through subgraphs and function calls."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.functions = {(f.domain, f.name): f for f in model.functions}
        self.hints: dict[str, Hint] = {}
        self.left = MOST_NODES
        graph = model.graph
        for value in graph.input:
            tensor = value.type.tensor_type
            self.hints[value.name] = Hint(rank=len(tensor.shape.dim) if tensor.HasField("shape") else None)
        origins: dict[str, Origins] = {name: {name: 0.0} for name in self.hints}
        facts = _facts(_with_shapes(model).graph)
        for _ in range(2):  # the second time for nodes that stand before what they use
            self.nodes(graph.node, origins, facts, 0)

    def nodes(self, nodes: Iterable[onnx.NodeProto], origins: dict[str, Origins], facts: dict[str, Any],
              depth: int) -> None:
        """Follow the origins through a list of nodes."""
        for node in nodes:
            self.left -= 1
            if self.left < 0 or depth > MOST_DEPTH:
                return
            given = [origins.get(name, {}) for name in node.input]
            self._learn(node, given, facts)
            self._inner(node, given, origins, facts, depth)
            passed = self._passed(node, given, facts)
            if passed:
                for name in node.output:
                    origins[name] = {**origins.get(name, {}), **passed}

    def _passed(self, node: onnx.NodeProto, given: list[Origins], facts: dict[str, Any]) -> Origins:
        """Return the origins of the node's outputs."""
        op = node.op_type
        if op == "Concat":
            return {k: v for origin in given for k, v in origin.items()}
        if op in SAME_VALUES:
            return given[0] if given else {}
        if op == "Where":
            return {k: v for origin in given[1:] for k, v in origin.items()}
        if op in ("Add", "Sub") and len(node.input) == 2:
            for mine, other in ((0, 1), (1, 0))[: 2 if op == "Add" else 1]:
                constant = facts.get(node.input[other])
                if given[mine] and isinstance(constant, np.ndarray) and constant.size:
                    step = float(constant.max()) if op == "Add" else -float(constant.min())
                    return {k: v + step for k, v in given[mine].items()}
        return {}

    def _learn(self, node: onnx.NodeProto, given: list[Origins], facts: dict[str, Any]) -> None:
        """Note what this node says about the inputs that reach it."""
        op, attributes = node.op_type, {a.name: a for a in node.attribute}
        for index, table in TABLES.get(op, ()):
            if index < len(given) and given[index]:
                axis = attributes["axis"].i if "axis" in attributes and op in ("Gather", "GatherElements") else 0
                rows = _size(facts.get(node.input[table]), axis)
                for name, added in given[index].items():
                    self._bound(name, None if rows is None else rows - int(added))
        if op == "OneHot" and given and (depth := _values(facts.get(node.input[1]))) is not None and depth.size:
            for name, added in given[0].items():
                self._bound(name, int(depth.reshape(-1)[0]) - int(added))
        if op in COMPARISONS:
            for mine, other in ((0, 1), (1, 0)):
                constant = _values(facts.get(node.input[other]))
                if constant is not None and constant.size <= MOST_VALUES and constant.dtype.kind in "iuf":
                    for name, added in given[mine].items():
                        self.hints[name].compared += (constant.reshape(-1).astype(float) - added).tolist()
        if op in RECURRENT and len(given) > 4:
            layout = attributes["layout"].i if "layout" in attributes else 0
            for name in given[4]:
                self.hints[name].length = True
                self.hints[name].longest = _size(facts.get(node.input[0]), layout)
        if op in SHAPED and SHAPED[op] < len(given) and node.output:
            shape = _shape(facts.get(node.output[0]))
            if shape and None not in shape:
                for name in given[SHAPED[op]]:
                    self.hints[name].exact = shape  # type: ignore[assignment]
        if op.startswith(("Conv", "QLinearConv", "MaxPool", "AveragePool")) and given:
            for name in given[0]:
                self.hints[name].convolved = True
        known = [s for key in ("keys_strings", "cats_strings", "classes_strings") if key in attributes
                 for s in attributes[key].strings]
        for name in (n for origin in given for n in origin if known):
            self.hints[name].words += [w.decode("utf-8", "replace") for w in known[:MOST_VALUES]]

    def _bound(self, name: str, rows: int | None) -> None:
        hint = self.hints[name]
        if rows is not None and rows > 0:
            hint.below = min(rows, hint.below or rows)

    def _inner(self, node: onnx.NodeProto, given: list[Origins], origins: dict[str, Origins], facts: dict[str, Any],
               depth: int) -> None:
        """Follow into the node's subgraphs, or into the function it calls."""
        for attribute in node.attribute:
            graphs = [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]
            for graph in graphs:
                facts.update(_facts(graph))
                if node.op_type in ("Loop", "Scan"):
                    origins.update({v.name: dict(o) for v, o in zip(graph.input, given, strict=False)})
                self.nodes(graph.node, origins, facts, depth + 1)
                if node.op_type == "If":
                    for outer, inner in zip(node.output, graph.output, strict=False):
                        origins[outer] = {**origins.get(outer, {}), **origins.get(inner.name, {})}
        function = self.functions.get((node.domain, node.op_type))
        if function is not None and any(given):
            inside = dict(zip(function.input, given, strict=False))
            inner_facts = {**_constants(function.node), **{f: facts[n] for f, n in zip(function.input, node.input,
                                                                                        strict=False) if n in facts}}
            self.nodes(function.node, inside, inner_facts, depth + 1)
            for outer, name in zip(node.output, function.output, strict=False):
                origins[outer] = {**origins.get(outer, {}), **inside.get(name, {})}


def read_hints(model: onnx.ModelProto | None) -> dict[str, Hint]:
    """Return a hint for each graph input; none when the model could not be read."""
    return Walk(model).hints if model is not None else {}


def _with_shapes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with inferred shapes, or as it is when inference fails.

    Function calls stay opaque: inference unrolls them, and nested calls can be a bomb.
    """
    flat = onnx.ModelProto()
    flat.CopyFrom(model)
    flat.ClearField("functions")
    try:
        return onnx.shape_inference.infer_shapes(flat)
    except Exception:  # a malformed model fails in many ways; shapes only help
        return model


def _facts(graph: onnx.GraphProto) -> dict[str, Any]:
    """Return by name what is known of values: an array, or else a tuple of dims (None: unknown)."""
    facts: dict[str, Any] = {}
    for value in (*graph.value_info, *graph.input, *graph.output):
        tensor = value.type.tensor_type
        if tensor.HasField("shape"):
            facts[value.name] = tuple(d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim)
    facts.update((t.name, _tensor(t)) for t in graph.initializer)
    facts.update(_constants(graph.node))
    for node in graph.node:
        for attribute in node.attribute:
            for inner in [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]:
                facts.update(_facts(inner))
    return facts


def _constants(nodes: Iterable[onnx.NodeProto]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for node in nodes:
        if node.op_type == "Constant" and node.output:
            for a in node.attribute:
                if a.name == "value":
                    found[node.output[0]] = _tensor(a.t)
                elif a.name in ("value_int", "value_float"):
                    found[node.output[0]] = np.asarray(a.i if a.name == "value_int" else a.f)
                elif a.name in ("value_ints", "value_floats"):
                    found[node.output[0]] = np.asarray(a.ints if a.name == "value_ints" else a.floats)
    return found


def _tensor(tensor: onnx.TensorProto) -> Any:
    """Return the array of a small tensor, the dims of any other."""
    if not tensor.external_data:
        try:
            return onnx.numpy_helper.to_array(tensor)
        except Exception:  # malformed: onnxruntime is the judge of that
            return tuple(tensor.dims)
    return tuple(tensor.dims)


def _values(fact: Any) -> np.ndarray | None:
    return fact if isinstance(fact, np.ndarray) else None


def _shape(fact: Any) -> tuple[int | None, ...] | None:
    shape: tuple[int | None, ...] | None = fact.shape if isinstance(fact, np.ndarray) else fact
    return shape


def _size(fact: Any, axis: int) -> int | None:
    shape = _shape(fact)
    if shape is None or not -len(shape) <= axis < len(shape):
        return None
    return shape[axis]
