"""What is added to a layer's outputs, and may take up what the mean of lost channels was."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lightweight_cli.structure.trace import Layer, Trace
from lightweight_cli.weights.node_attributes import number

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto


class Bias(NamedTuple):
    """A constant of as many values as the layer has outputs; `sign` of what it does to them."""

    name: str
    tensor: TensorProto
    sign: int

    def moved(self, trace: Trace, shift: np.ndarray) -> np.ndarray:
        """Return its values with the outputs moved by `shift`."""
        old = trace.model.array(self.tensor)
        return (old + self.sign * shift.reshape(old.shape)).astype(old.dtype)


def bias_of(trace: Trace, layer: Layer) -> Bias | None:
    """Return the bias of a layer: its own, one that a following Add adds, or the mean that a BatchNormalization subtracts."""
    node = layer.node
    if sum(other.weight == layer.weight for other in trace.layers) > 1:
        return None  # each use of a weight has its own
    if node.op_type == "ConvTranspose" or node.output[0] in trace.scope.outputs:
        return None  # an output of its matrix is a channel at a tap
    if node.op_type in ("Conv", "Gemm") and len(node.input) > 2 and node.input[2]:
        scaled = any(a.name in ("alpha", "beta") and a.f != 1 for a in node.attribute)
        return None if scaled else _mine(trace, node.input[2], layer, 1)
    after = _only_reader(trace, node)
    if after is not None and after.op_type == "Add" and node.op_type == "MatMul" and layer.weight == node.input[1]:
        return _mine(trace, next(i for i in after.input if i != node.output[0]), layer, 1)
    normalised = after is not None and node.op_type == "Conv" and after.op_type == "BatchNormalization"
    if after is not None and normalised and after.input[0] == node.output[0] and not number(after, "training_mode", 0):
        return _mine(trace, after.input[3], layer, -1)
    return None


def _only_reader(trace: Trace, node: NodeProto) -> NodeProto | None:
    uses = trace.scope.uses.get(node.output[0], ())
    return uses[0].node if len(uses) == 1 and uses[0].scope is trace.scope and len(set(uses[0].node.input)) > 1 else None


def _mine(trace: Trace, name: str, layer: Layer, sign: int) -> Bias | None:
    """Return the constant if it is one value for each output, stored, and no one else's."""
    tensor = trace.stored(name)
    own = tensor is not None and len(trace.scope.uses.get(name, ())) == 1 and name not in trace.scope.outputs
    if tensor is None or not own or list(tensor.dims) != [len(layer.outputs)]:
        return None
    return Bias(name, tensor, sign)
