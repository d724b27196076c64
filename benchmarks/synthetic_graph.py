"""Build a model whose weights are seeded noise, drawn only when the file is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Sequence

OPSET = 18
IR_VERSION = 10
TILE = 1 << 22  # values drawn at a time: 16 MiB
ALIGN = 4096  # bytes; page-aligned tensors can be mapped


@dataclass(frozen=True)
class Noise:
    """A weight of independent normal values with standard deviation `std`."""

    name: str
    shape: tuple[int, ...]
    std: float
    seed: int

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape))

    def tiles(self) -> Iterator[bytes]:
        """The float32 bytes of the weight, piece by piece; the same on every run."""
        rng = np.random.default_rng([self.seed, 0])
        for start in range(0, self.size, TILE):
            values = rng.standard_normal(min(TILE, self.size - start), dtype=np.float32)
            values *= np.float32(self.std)
            yield values.tobytes()


class Graph:
    """Nodes and weights of a model under construction; every method that adds a node returns its output's name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.nodes: list[onnx.NodeProto] = []
        self.noise: list[Noise] = []
        self.constants: list[onnx.TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, dtype: int, shape: Sequence[str | int]) -> str:
        """Declare a graph input."""
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def output(self, value: str, shape: Sequence[str | int]) -> None:
        """Declare a float graph output."""
        self.outputs.append(helper.make_tensor_value_info(value, TensorProto.FLOAT, shape))

    def weight(self, shape: tuple[int, ...], fan_in: int) -> str:
        """A weight with He-like spread: values keep their size through the layer."""
        name = f"weight_{len(self.noise)}"
        self.noise.append(Noise(name, shape, float(fan_in) ** -0.5, len(self.noise)))
        return name

    def constant(self, values: np.ndarray) -> str:
        """A small tensor with given values: a bias, a shape."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def add(self, operator: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """One node with one output."""
        output = name or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], name=f"node_{len(self.nodes)}", **attributes))
        return output

    def linear(self, value: str, inputs: int, outputs: int, bias: bool = True) -> str:
        """MatMul with a weight [inputs, outputs], then a bias."""
        product = self.add("MatMul", value, self.weight((inputs, outputs), inputs))
        return self.add("Add", product, self.constant(np.zeros(outputs, np.float32))) if bias else product

    def norm(self, value: str, width: int) -> str:
        """LayerNormalization over the last axis."""
        return self.add("LayerNormalization", value, self.constant(np.ones(width, np.float32)))

    def _model(self, initializers: list[onnx.TensorProto]) -> onnx.ModelProto:
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, [*self.constants, *initializers])
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)

    def save(self, path: Path) -> None:
        """Write one file; needs a few times the model's size in memory."""
        weights = []
        for noise in self.noise:
            tensor = TensorProto(name=noise.name, dims=noise.shape, data_type=TensorProto.FLOAT)
            tensor.raw_data = b"".join(noise.tiles())
            weights.append(tensor)
        onnx.save(self._model(weights), path)

    def save_external(self, path: Path) -> None:
        """Write the weights to PATH.data as they are drawn, then the graph; needs memory for one tile."""
        weights = []
        data = path.with_name(path.name + ".data")
        with data.open("wb") as file:
            for noise in self.noise:
                file.seek(-(-file.tell() // ALIGN) * ALIGN)
                offset = file.tell()
                for tile in noise.tiles():
                    file.write(tile)
                tensor = TensorProto(name=noise.name, dims=noise.shape, data_type=TensorProto.FLOAT)
                tensor.data_location = TensorProto.EXTERNAL
                for key, entry in (("location", data.name), ("offset", offset), ("length", 4 * noise.size)):
                    tensor.external_data.add(key=key, value=str(entry))
                weights.append(tensor)
        onnx.save(self._model(weights), path)
