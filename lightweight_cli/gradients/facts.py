"""What is known of a graph's values without running it: element types, shapes, and small constants."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, numpy_helper

from lightweight_cli.gradients.constants import stored
from lightweight_cli.gradients.stated import calculated, followed
from lightweight_cli.model.light import light_copy
from lightweight_cli.model.scopes import subgraphs_of
from lightweight_cli.model.tensors import size_of

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, ValueInfoProto

Shape: TypeAlias = "tuple[int | str | None, ...]"
"""Sizes of the axes: a number, a name that stands for the same number everywhere, or None."""
DEEPEST = 50
"""Nodes in a row by which numbers are calculated."""
READ = 4096
"""Elements up to which a constant is read: statements of shapes, axes and sizes are small."""


class Facts:
    """The facts of one graph; what is not defined in it is known from the graph around it."""

    def __init__(self, graph: GraphProto, around: Facts | None = None) -> None:
        self.around = around
        self.types: dict[str, int] = {}
        self.shapes: dict[str, Shape] = {}
        self.small: dict[str, TensorProto] = {}
        for value in (*graph.input, *graph.output, *graph.value_info):
            self._note(value)
        held = [tensor for node in graph.node if (tensor := stored(node)) is not None]
        for tensor in (*graph.initializer, *held):
            self.types[tensor.name], self.shapes[tensor.name] = tensor.data_type, tuple(tensor.dims)
            if size_of(tensor) <= READ and tensor.data_location != TensorProto.EXTERNAL:
                self.small[tensor.name] = tensor
        self.makers = {node.output[0]: node for node in graph.node if followed(node)}
        self.made = {name for node in graph.node for name in node.output} | self.types.keys()
        self.within: dict[tuple[int, str], Facts] = {}
        """Those of the graphs within, by the place of the node and the attribute's name."""
        for place, node in enumerate(graph.node):
            for attribute in node.attribute:
                if attribute.type == AttributeProto.GRAPH:
                    self.within[place, attribute.name] = Facts(attribute.g, self)

    def _note(self, value: ValueInfoProto) -> None:
        if not value.type.HasField("tensor_type"):
            return
        tensor = value.type.tensor_type
        if tensor.elem_type:
            self.types[value.name] = tensor.elem_type
        if tensor.HasField("shape"):
            self.shapes[value.name] = tuple(d.dim_value if d.HasField("dim_value") else d.dim_param or None for d in tensor.shape.dim)

    def type(self, name: str) -> int:
        """Return the element type, float32 where it is not known."""
        return self.types[name] if name in self.types else self.around.type(name) if self.around else TensorProto.FLOAT

    def shape(self, name: str) -> Shape | None:
        """Return the shape, None where not even the number of axes is known."""
        return self.shapes[name] if name in self.shapes else self.around.shape(name) if self.around else None

    def static(self, name: str) -> tuple[int, ...] | None:
        """Return the shape where all of it is known as numbers."""
        shape = self.shape(name)
        return None if shape is None or not all(isinstance(d, int) for d in shape) else tuple(d for d in shape if isinstance(d, int))

    def constant(self, name: str, depth: int = 0) -> np.ndarray | None:
        """Return the values of a small constant, or of a few numbers that are calculated from constants."""
        if name in self.small:
            return numpy_helper.to_array(self.small[name])
        if name in self.makers and depth < DEEPEST:
            node = self.makers.pop(name)
            inputs = [self.constant(n, depth + 1) if n else None for n in node.input]
            if all(v is not None for n, v in zip(node.input, inputs, strict=True) if n):
                values = calculated(node, inputs)
                if values is not None:
                    self.small[name] = numpy_helper.from_array(values)
                    return values
        return self.around.constant(name, depth) if self.around and name not in self.made else None


def facts_of(model: ModelProto) -> Facts:
    """Infer types and shapes; large constants are not read."""
    light = light_copy(model, READ)
    _told(light.graph, {t.name: t for t in light.graph.initializer if t.data_type == TensorProto.INT64})
    for value in light.graph.input:
        for size in value.type.tensor_type.shape.dim:
            if size.dim_value < 0:  # how some exporters say that it is open
                size.ClearField("dim_value")
    try:
        light = onnx.shape_inference.infer_shapes(light, data_prop=True)
    except Exception:  # what can't be inferred is found at run time; onnx's exceptions have no common base
        return Facts(light.graph)
    return Facts(light.graph)


def _told(graph: GraphProto, known: dict[str, TensorProto]) -> None:
    """Repeat in branches the numbers they read from around them: onnx infers shapes in a branch from its own constants only.

    What outputs are declared to be is forgotten: runtimes warn where it is not so, and go on.
    """
    made = {name for node in graph.node for name in node.output}
    for value in graph.output:
        if value.name in made and value.type.HasField("tensor_type"):
            value.type.tensor_type.ClearField("shape")
    for node in graph.node:
        for inner in subgraphs_of(node):
            own = {name for n in inner.node for name in n.output} | {t.name for t in inner.initializer}
            read = {name for n in inner.node for name in n.input} - own
            inner.initializer.extend(known[name] for name in sorted(read & known.keys()))
            _told(inner, known)
