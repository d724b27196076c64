"""One layer of each kind that calibration knows, rows as layers see them, and how far two models' outputs are apart."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

HEAD = '<ir_version: 8, opset_import: ["" : 17, "own" : 1]>'
IMAGE = "float[N,8,9,9] x"
MODELS = {
    "conv": f"{HEAD} g ({IMAGE}) => (float[N,24,9,9] y) <float[24,8,3,3] W> {{ y = Conv <pads = [1,1,1,1]> (x, W) }}",
    "grouped": f"{HEAD} g ({IMAGE}) => (float[N,24,9,9] y) <float[24,4,3,3] W> {{ y = Conv <pads = [1,1,1,1], group = 2> (x, W) }}",
    "depthwise": f"{HEAD} g ({IMAGE}) => (float[N,64,9,9] y) <float[64,1,3,3] W> {{ y = Conv <pads = [1,1,1,1], group = 8> (x, W) }}",
    "transposed": f"{HEAD} g ({IMAGE}) => (float[N,12,19,19] y) <float[8,12,3,3] W> {{ y = ConvTranspose <strides = [2,2]> (x, W) }}",
    "matmul": f"{HEAD} g (float[N,96] x) => (float[N,40] y) <float[96,40] W> {{ y = MatMul (x, W) }}",
    "gemm": f"{HEAD} g (float[N,96] x) => (float[N,40] y) <float[40,96] W> {{ y = Gemm <transB = 1> (x, W) }}",
    "constant": f"{HEAD} g (float[N,96] x) => (float[N,40] y) {{ W = Constant <value = float[96,40] {{}}> ()  y = MatMul (x, W) }}",
    "old": """<ir_version: 4, opset_import: ["" : 8]> g (float[N,96] x) => (float[N,40] y) <float[96,40] W>
        { y = MatMul (x, W) }""",
    "two layers": f"""{HEAD} g (float[N,96] x) => (float[N,40] y) <float[96,64] V, float[64,40] W>
        {{ a = MatMul (x, V)  b = Relu (a)  y = MatMul (b, W) }}""",
    "tied": f"{HEAD} g (float[N,64] x) => (float[N,64] y) <float[64,64] W> {{ a = MatMul (x, W)  b = Tanh (a)  y = MatMul (b, W) }}",
    "branch": f"""{HEAD} g (float[N,96] x, bool c) => (float[N,40] y) {{ y = If (c) <
        then_branch = t () => (float[N,40] p) <float[96,40] W> {{ p = MatMul (x, W) }},
        else_branch = e () => (float[N,40] q) <float[96,40] V> {{ q = MatMul (x, V) }}> }}""",
    "lstm": f"""{HEAD} g (float[7,N,32] x) => (float[7,1,N,24] y) <float[1,96,32] W, float[1,96,24] R>
        {{ y = LSTM <hidden_size = 24> (x, W, R) }}""",
}


def rows(model: onnx.ModelProto, count: int, seed: int, mean: float = 0.0) -> dict[str, np.ndarray]:
    """Inputs as layers see them: not negative, and correlated."""
    random, feed = np.random.default_rng(seed), {}
    for value in model.graph.input:
        shape = [d.dim_value or count for d in value.type.tensor_type.shape.dim]
        if value.type.tensor_type.elem_type == onnx.TensorProto.BOOL:
            feed[value.name] = np.array(True)
            continue
        axis = 1 if len(shape) > 2 else len(shape) - 1
        few = random.standard_normal((*shape[:axis], 6, *shape[axis + 1 :]))
        mix = np.random.default_rng(1).standard_normal((6, shape[axis]))
        mixed = np.moveaxis(np.tensordot(few, mix, (axis, 0)), -1, axis)
        feed[value.name] = np.maximum(mixed + mean + 0.1 * random.standard_normal(shape), 0).astype(np.float32)
    return feed


def output(path: str, feed: dict[str, np.ndarray]) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, feed)[0]


def model_of(name: str, parse) -> onnx.ModelProto:
    proto = parse(MODELS[name].replace("value = float[96,40] {}", "value = float[1] {0}"))
    for node in proto.graph.node:
        if node.op_type == "Constant":
            values = np.random.default_rng(0).normal(0, 0.1, (96, 40)).astype(np.float32)
            node.attribute[0].t.CopyFrom(numpy_helper.from_array(values))
    return proto


def error(source: str, target: str, feed: dict[str, np.ndarray]) -> float:
    a, b = output(source, feed), output(target, feed)
    return float(((a - b) ** 2).sum() / (a**2).sum())
