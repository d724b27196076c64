"""Some nodes of a model as a session of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, TypeProto, ValueInfoProto, helper

from lightweight_cli.calibration.flow import Flow, read_by
from lightweight_cli.errors import InputError, printable
from lightweight_cli.model import tensors
from lightweight_cli.runtime.sessions import open_session, reason
from lightweight_cli.weights import constants

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

    from lightweight_cli.model.model import Model

APART = 1 << 16
"""Bytes from which an initializer is handed to the session as an array, not within its model."""
NATIVE = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.INT8, TensorProto.UINT8, TensorProto.INT32,
          TensorProto.INT64}
"""Types whose arrays onnxruntime takes from numpy as they are."""


class NoCut(InputError):
    """A part of a model that can't be run on its own, though the whole may run."""


class Cut(NamedTuple):
    """Nodes, and what is wanted of them: names of values that they make, or that are known without them."""

    nodes: Sequence[NodeProto]
    outputs: Sequence[str]

    def inputs(self, flow: Flow) -> list[str]:
        """Return the moving values that must be fed."""
        made = {o for n in self.nodes for o in n.output}
        reads = [r for n in self.nodes for r in read_by(n)] + list(self.outputs)
        return [r for r in dict.fromkeys(reads) if r in flow.moving and r not in made]


class Segment:
    """The session that computes a cut of a model; constants come with it, in the values that the model has now."""

    def __init__(self, model: Model, flow: Flow, cut: Cut, example: dict[str, Any], threads: int,
                 others: Mapping[str, np.ndarray] | None = None) -> None:
        """`example`: values of the inputs, for their types; `others`: of constants, instead of what the model has.

        Raises: NoCut when onnxruntime can't load it.
        """
        self.inputs, self.outputs, self.others = cut.inputs(flow), list(cut.outputs), others or {}
        self.arrays: dict[str, np.ndarray] = {}  # they must live as long as the session
        content = self._proto(model, flow, cut, example).SerializeToString()
        try:  # in floats: that is what a weight's new values will be compared by
            self.session: InferenceSession = open_session(content, threads=threads, initializers=self.arrays, integers=False)
        except Exception as failure:  # onnxruntime's exceptions have no common base
            raise NoCut(f"onnxruntime can't load a part of the model: {reason(failure)}") from failure

    def run(self, feed: dict[str, Any], batch: int) -> list[Any]:
        """Return the outputs. Raises: InputError naming the batch when onnxruntime can't compute them."""
        try:
            return self.session.run(self.outputs, {n: feed[n] for n in self.inputs})
        except Exception as failure:
            raise InputError(f"calibration: the model does not run on batch {batch}: {reason(failure)}") from failure

    def _proto(self, model: Model, flow: Flow, cut: Cut, example: dict[str, Any]) -> ModelProto:
        graph = GraphProto(name="calibration")
        made = {o for n in cut.nodes for o in n.output}
        wanted = [*(r for n in cut.nodes for r in read_by(n)), *cut.outputs]
        for number in self._known(model, flow, graph, [w for w in wanted if w not in made and w not in flow.moving]):
            graph.node.append(filled(model, flow.nodes[number]))
        graph.node.extend(filled(model, n) for n in cut.nodes)
        graph.input.extend(_declared(n, example[n]) for n in self.inputs)
        graph.output.extend(ValueInfoProto(name=n) for n in self.outputs)
        proto = ModelProto(ir_version=max(4, flow.proto.ir_version), graph=graph)
        proto.opset_import.extend(flow.proto.opset_import)
        return proto

    def _known(self, model: Model, flow: Flow, graph: GraphProto, names: list[str]) -> list[int]:
        """Put the constants of these names into the graph. Returns: the nodes that compute some of them, in order."""
        nodes: set[int] = set()
        seen: set[str] = set()
        while names:
            name = names.pop()
            if name in seen:
                continue
            seen.add(name)
            number = flow.makers.get(name)
            tensor = None
            if name in self.others:
                graph.initializer.append(self._other(name, self.others[name]))
            elif number is None:
                tensor = flow.initializers.get(name)
                for sparse in flow.proto.graph.sparse_initializer:
                    if sparse.values.name == name:
                        copy = graph.sparse_initializer.add()
                        copy.CopyFrom(sparse)
                        fill(model, copy.values)
                        fill(model, copy.indices)
            else:
                node = flow.nodes[number]
                tensor = constants.constant(node) if node.op_type == "Constant" else None
                if tensor is None:
                    nodes.add(number)
                    names.extend(read_by(node))
            if tensor is not None:
                graph.initializer.append(self._initializer(model, name, tensor))
        return sorted(nodes)

    def _other(self, name: str, values: np.ndarray) -> TensorProto:
        told = TensorProto(name=name, data_type=helper.np_dtype_to_tensor_dtype(values.dtype), dims=values.shape)
        if told.data_type not in NATIVE or values.nbytes < APART:
            told.raw_data = values.tobytes()
            return told
        return self._apart(told, values)

    def _apart(self, told: TensorProto, values: np.ndarray) -> TensorProto:
        self.arrays[told.name] = np.ascontiguousarray(values)
        told.data_location = TensorProto.EXTERNAL
        told.external_data.add(key="location", value="memory")
        return told

    def _initializer(self, model: Model, name: str, tensor: TensorProto) -> TensorProto:
        if tensor.data_type in NATIVE and model.nbytes(tensor) >= APART:
            return self._apart(TensorProto(name=name, data_type=tensor.data_type, dims=tensor.dims), model.array(tensor))
        inline = TensorProto()
        inline.CopyFrom(tensor)
        inline.name = name
        return fill(model, inline)


def filled(model: Model, node: NodeProto) -> NodeProto:
    """Return a copy of a node with the payloads of its tensors, also in its subgraphs."""
    copy = NodeProto()
    copy.CopyFrom(node)
    for attribute in copy.attribute:
        for tensor in tensors.attribute_tensors(attribute):
            fill(model, tensor)
    return copy


def fill(model: Model, tensor: TensorProto) -> TensorProto:
    """Put the payload into a tensor that only refers to it; the same tensor is returned."""
    blob = model.blob(tensor)
    if blob is not None:
        tensor.ClearField("external_data")
        tensor.ClearField("data_location")
        tensor.raw_data = blob.bytes()
    return tensor


def _declared(name: str, value: Any) -> ValueInfoProto:
    """Declare an input by a value it may have; of any shape. Raises: NoCut for what has no type."""
    members: Iterable[Any] = value if isinstance(value, list) else [value]
    first = next(iter(members), None)
    if not isinstance(first, np.ndarray):
        raise NoCut(f'"{printable(name)}" is {type(value).__name__}, at which the model can\'t be cut')
    kind = TypeProto(tensor_type=TypeProto.Tensor(elem_type=helper.np_dtype_to_tensor_dtype(first.dtype)))
    if isinstance(value, list):
        kind = TypeProto(sequence_type=TypeProto.Sequence(elem_type=kind))
    return ValueInfoProto(name=name, type=kind)
