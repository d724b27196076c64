"""What a graph says beside its numbers, said shortly: short names of inner values, none of nodes, nothing that goes without saying.

Small integers take a byte each, not eight. Shapes that can be inferred and attributes that are defaults say nothing. Of three compressed
files all that was 5, 8 and 13 %. The interface keeps its names, and so does what encodings made: short, and known by them.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from onnx import TensorProto

from lightweight_cli.model import integers
from lightweight_cli.model.light import light_copy
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.passes.compress.defaults import forget_defaults
from lightweight_cli.weights.naming import LETTERS, is_inner, is_shared

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

    from lightweight_cli.weights.emission import Emission


def saved(proto: ModelProto) -> int:
    """Return the bytes that `shorten` saves."""
    copy = type(proto)()
    copy.CopyFrom(proto)
    shorten(copy)
    return proto.ByteSize() - copy.ByteSize()


def common_bytes(emission: Emission) -> dict[str, int]:
    """Return the bytes of each shape and number of an emission that others may share, once it is shortened."""
    found = emission.common_bytes()
    for stored in emission.stored:
        if stored.proto.name in found and isinstance(stored.produce, bytes):
            tensor = TensorProto()
            tensor.CopyFrom(stored.proto)
            tensor.raw_data = stored.produce
            before = tensor.ByteSize()
            integers.shorten(tensor)
            found[tensor.name] -= before - tensor.ByteSize()
    return found


def shorten(proto: ModelProto) -> None:
    """Shorten the main graph and the graphs in it, in place; one name means the same everywhere before and after."""
    scopes = [s for s in Scopes(proto).all if not s.is_function]
    graphs: list[GraphProto] = [s.graph for s in scopes]  # type: ignore[misc]
    for graph in graphs:
        for tensor in graph.initializer:
            integers.shorten(tensor)
    for scope in scopes:
        for node in scope.graph.node:
            node.ClearField("name")
            forget_defaults(node, scope.opset)
    if proto.functions or proto.training_info or any(g.quantization_annotation or g.sparse_initializer for g in graphs):
        return
    _forget_shapes(proto)
    fixed = {v.name for v in (*proto.graph.input, *proto.graph.output)}
    used = Counter(n for graph in graphs for n in _names(graph) if n)
    short = (name for name in _words() if name not in fixed and name not in used)
    new: dict[str, str] = {}
    for name, _ in used.most_common():  # equally frequent ones in the order of the graph
        if name in fixed or is_inner(name) or is_shared(name):
            continue
        shortest = next(short)
        new[name] = shortest if len(shortest) < len(name) else name
    for graph in graphs:
        _rename(graph, new)


def _names(graph: GraphProto) -> Iterator[str]:
    """Yield the names in one graph, each as often as it is written."""
    yield from (t.name for t in graph.initializer)
    yield from (n for node in graph.node for n in (*node.output, *node.input))
    yield from (v.name for v in (*graph.input, *graph.output, *graph.value_info))


def _rename(graph: GraphProto, new: dict[str, str]) -> None:
    for one in (*graph.initializer, *graph.input, *graph.output, *graph.value_info):
        one.name = new.get(one.name, one.name)
    for node in graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                if name in new:
                    names[i] = new[name]


def _words() -> Iterator[str]:
    return ("".join(letters) for length in itertools.count(1) for letters in itertools.product(LETTERS, repeat=length))


def _forget_shapes(proto: ModelProto) -> None:
    """Remove the stored shapes that are inferred alike without them: onnxruntime fuses and folds by others."""
    from onnx import shape_inference

    bare = light_copy(proto)
    del bare.graph.value_info[:]
    try:
        inferred = {v.name: v.type for v in shape_inference.infer_shapes(bare, data_prop=True).graph.value_info}
    except Exception:  # onnx's exceptions have no common base
        return
    stored = {t.name for t in proto.graph.initializer}
    kept = [v for v in proto.graph.value_info if v.name not in stored and inferred.get(v.name) != v.type]
    del proto.graph.value_info[:]
    proto.graph.value_info.extend(kept)
