"""What a model costs with some labels gone: its parameters, and the multiply-accumulates of one inference."""

from __future__ import annotations

import math

import numpy as np
from onnx import TensorProto

from lightweight_cli.structure.groups import stored_axes
from lightweight_cli.structure.trace import Kept, Layer, Trace

PARAMETERS = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16, TensorProto.INT8, TensorProto.UINT8,
              TensorProto.INT4, TensorProto.UINT4}
"""Types of what counts as a parameter: floats, and the integers that stand for them."""


class Cost:
    """Parameters and MACs of a traced model; sizes that the inputs leave open count as 1."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.tensors: dict[str, tuple[int, ...]] = {}
        for name in dict.fromkeys(i for node in trace.scope.graph.node for i in (*node.input, *node.output)):
            tensor = trace.stored(name)
            if tensor is not None and tensor.data_type in PARAMETERS:
                self.tensors[name] = tuple(tensor.dims)
        self.axes: dict[str, list[tuple[int, np.ndarray]]] = {}
        for name, axis, labels in stored_axes(trace):
            if name in self.tensors and not trace.labels.frozen(labels).all():
                self.axes.setdefault(name, []).append((axis, labels))
        self.positions = [self._positions(layer) for layer in trace.layers]
        """Asked for at once: an axis that no rule came by gets its labels here, before labels are counted for what goes."""

    def parameters(self, kept: Kept) -> int:
        """Return the number of parameters with what stays."""
        total = 0
        for name, shape in self.tensors.items():
            sizes = list(shape)
            for axis, labels in self.axes.get(name, ()):
                sizes[axis] = int(kept(labels).sum())
            total += math.prod(sizes)
        return total

    def macs(self, kept: Kept) -> int:
        """Return the multiply-accumulates of the layers with what stays."""
        return sum(self._layer(layer, axes, kept) for layer, axes in zip(self.trace.layers, self.positions, strict=True))

    def _positions(self, layer: Layer) -> list[np.ndarray]:
        """Return the axes along which the layer does the same again: all but the channel of the result, or of what is read and spread."""
        trace, node = self.trace, layer.node
        place = node.input[0] if node.op_type == "ConvTranspose" else node.output[0]
        rank = trace.sizes.rank(place) or 0
        channel = 1 if node.op_type.startswith("Conv") else rank - 1
        if node.op_type == "MatMul" and layer.weight == node.input[0]:
            channel = rank - 2
        return [labels for k in range(rank) if k != channel and (labels := trace.axis(place, k)) is not None]

    def _layer(self, layer: Layer, axes: list[np.ndarray], kept: Kept) -> int:
        """Each output is a sum over inputs, at each position."""
        shape, conv = self.trace.sizes.shapes(layer.weight), layer.node.op_type.startswith("Conv")
        positions = math.prod(int(kept(labels).sum()) for labels in axes)
        taps = math.prod(shape[0][2:]) if conv and shape is not None else 1
        inputs, outputs = int(kept(layer.inputs).sum()), int(kept(layer.outputs).sum())
        if layer.axes[0] is None:
            return positions * outputs * taps
        groups = next((a.i for a in layer.node.attribute if a.name == "group"), 1) if conv else 1
        return positions * inputs * outputs * taps // max(1, groups)


def everything(labels: np.ndarray) -> np.ndarray:
    """All labels stay."""
    return np.ones(len(labels), bool)
