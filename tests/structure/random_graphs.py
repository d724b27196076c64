"""Random models of convolutions with all that ties channels: residuals, concats, splits, groups, depthwise, heads at the end."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, helper, numpy_helper
from onnx import TensorProto as T


class Builder:
    """A graph that grows at random; every value is [N, channels, 4, 4]."""

    def __init__(self, seed: int) -> None:
        self.R = np.random.default_rng(seed)
        self.nodes: list = []
        self.constants: list = []
        self.values: list[tuple[str, int]] = [("x", 3)]

    def name(self) -> str:
        return f"v{len(self.nodes) + len(self.constants)}"

    def whole(self, *shape: int) -> str:
        """A weight of small whole numbers."""
        return self.constant(self.R.integers(-1, 2, shape).astype(np.float32))

    def constant(self, values: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(values, f"c{len(self.constants)}"))
        return self.constants[-1].name

    def node(self, op: str, *inputs: str, outputs: int = 1, **attributes: object) -> list[str]:
        made = [f"{self.name()}.{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, made, **attributes))
        return made

    def conv(self, x: str, read: int, out: int, groups: int = 1) -> str:
        bias = (self.whole(out),) if self.R.random() < 0.5 else ()
        k = int(self.R.choice([1, 3]))
        return self.node("Conv", x, self.whole(out, read // groups, k, k), *bias, group=groups, pads=[k // 2] * 4, kernel_shape=[k, k])[0]

    def step(self) -> None:
        """Add one operator, or a few that belong together."""
        x, c = self.values[self.R.integers(max(0, len(self.values) - 4), len(self.values))]
        kind = self.R.integers(12)
        same = [v for v in self.values if v[1] == c and v[0] != x]
        if kind <= 2:
            out = int(self.R.integers(2, 9))
            y, c = self.node("Clip", self.conv(x, c, out), self.constant(np.float32(-8)), self.constant(np.float32(8)))[0], out
        elif kind == 3:
            y = self.conv(x, c, c, c)
        elif kind == 4 and c % 2 == 0:
            y, c = self.conv(x, c, 4, 2), 4
        elif kind == 5 and same:
            y = self.node(str(self.R.choice(["Add", "Sub", "Max"])), x, same[self.R.integers(len(same))][0])[0]
        elif kind == 6:
            other, more = self.values[self.R.integers(len(self.values))]
            y, c = self.node("Concat", x, other, axis=1)[0], c + more
        elif kind == 7 and c > 2:
            first = int(self.R.integers(1, c))
            a, b = self.node("Split", x, self.constant(np.array([first, c - first], np.int64)), axis=1, outputs=2)
            self.values.append((a, first))
            y, c = b, c - first
        elif kind == 8:
            order = self.R.integers(0, c, int(self.R.integers(2, 7)))
            y, c = self.node("Gather", x, self.constant(order.astype(np.int64)), axis=1)[0], len(order)
        elif kind == 9:
            t = self.node("Transpose", x, perm=[0, 2, 3, 1])[0]
            m = self.node("MatMul", t, self.whole(c, 6))[0]
            m = self.node("Clip", m, self.constant(np.float32(-8)), self.constant(np.float32(8)))[0]
            y, c = self.node("Transpose", m, perm=[0, 3, 1, 2])[0], 6
        elif kind == 10 and c > 2:
            to, end = int(self.R.integers(0, 2)), int(self.R.integers(2, c + 1))
            y = self.node("Slice", x, *(self.constant(np.array([i], np.int64)) for i in (to, end, 1)))[0]
            c = end - to
        else:
            gate = self.node("Relu", self.conv(self.node("GlobalMaxPool", x)[0], c, c))[0]
            y = self.node("Min", x, gate)[0]
        self.values.append((y, c))

    def model(self) -> ModelProto:
        """Return the model, after an end by Flatten and Gemm, or by LayerNormalization over space."""
        x, c = self.values[-1]
        if self.R.random() < 0.5:
            shape = self.constant(np.array([0, c, 16], np.int64))
            x = self.node("Reshape", self.node("Relu", x)[0], shape)[0]
            x = self.node("Reshape", x, self.constant(np.array([0, c * 16], np.int64)))[0]
        else:
            x = self.node("Flatten", x, axis=1)[0]
        self.nodes.append(helper.make_node("Gemm", [x, self.whole(c * 16, 3), self.whole(3)], ["y"]))
        graph = helper.make_graph(self.nodes, "g", [helper.make_tensor_value_info("x", T.FLOAT, ["N", 3, 4, 4])],
                                  [helper.make_tensor_value_info("y", T.FLOAT, ["N", 3])], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def random_model(seed: int) -> ModelProto:
    """Return a model of 4 to 11 steps, all of whose values are whole numbers that float32 holds."""
    builder = Builder(seed)
    for _ in range(int(builder.R.integers(4, 12))):
        builder.step()
    return builder.model()
