"""What is known of a graph's values without running it: element types, shapes, and small constants."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, numpy_helper

from lightweight_cli.model.tensors import size_of

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, ValueInfoProto

Shape: TypeAlias = "tuple[int | str | None, ...]"
"""Sizes of the axes: a number, a name that stands for the same number everywhere, or None."""
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
        for tensor in graph.initializer:
            self.types[tensor.name], self.shapes[tensor.name] = tensor.data_type, tuple(tensor.dims)
            if size_of(tensor) <= READ and tensor.data_location != TensorProto.EXTERNAL:
                self.small[tensor.name] = tensor
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

    def constant(self, name: str) -> np.ndarray | None:
        """Return the values of a small constant."""
        if name in self.small:
            return numpy_helper.to_array(self.small[name])
        return self.around.constant(name) if self.around and name not in self.types else None


def facts_of(model: ModelProto) -> Facts:
    """Infer types and shapes; large constants are not read."""
    light = onnx.ModelProto()
    light.CopyFrom(model)
    del light.graph.initializer[:]
    listed = {v.name for v in light.graph.input}
    for tensor in model.graph.initializer:
        if size_of(tensor) <= READ and tensor.data_location != TensorProto.EXTERNAL:
            light.graph.initializer.append(tensor)
        elif tensor.name not in listed:
            light.graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    try:
        light = onnx.shape_inference.infer_shapes(light, data_prop=True)
    except Exception:  # what can't be inferred is found at run time; onnx's exceptions have no common base
        return Facts(light.graph)
    return Facts(light.graph)
