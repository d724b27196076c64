"""Write a seeded synthetic model of a known size.

    python benchmarks/synthetic.py OUT --size 1MB|100MB|440MB|4GB

1MB: perceptron. 100MB: ResNet-50 shapes. 440MB: BERT-base shapes, one file. 4GB: decoder shapes, external data.
The same size gives the same bytes. All of them run in onnxruntime on CPU.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from onnx import TensorProto
from synthetic_graph import Graph

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def perceptron() -> Graph:
    """Three layers, 0.25 million weights."""
    graph = Graph("perceptron")
    value = graph.input("x", FLOAT, ["batch", 256])
    for inputs, outputs in ((256, 512), (512, 224)):
        value = graph.add("Relu", graph.linear(value, inputs, outputs))
    graph.output(graph.linear(value, 224, 10), ["batch", 10])
    return graph


def _convolve(graph: Graph, value: str, inputs: int, outputs: int, kernel: int, stride: int = 1) -> str:
    weight = graph.weight((outputs, inputs, kernel, kernel), inputs * kernel * kernel)
    bias = graph.constant(np.zeros(outputs, np.float32))
    pads = [kernel // 2] * 4
    return graph.add("Conv", value, weight, bias, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=pads)


def resnet50() -> Graph:
    """The convolutions of ResNet-50, batch normalization folded, 25.5 million weights."""
    graph = Graph("resnet50")
    value = graph.add("Relu", _convolve(graph, graph.input("x", FLOAT, ["batch", 3, 224, 224]), 3, 64, 7, 2))
    value = graph.add("MaxPool", value, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    width = 64
    for stage, blocks in enumerate((3, 4, 6, 3)):
        inner, outer = 64 << stage, 256 << stage
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            branch = graph.add("Relu", _convolve(graph, value, width, inner, 1))
            branch = graph.add("Relu", _convolve(graph, branch, inner, inner, 3, stride))
            branch = _convolve(graph, branch, inner, outer, 1)
            shortcut = value if block else _convolve(graph, value, width, outer, 1, stride)
            value = graph.add("Relu", graph.add("Add", branch, shortcut))
            width = outer
    value = graph.add("Flatten", graph.add("GlobalAveragePool", value))
    weight, bias = graph.weight((width, 1000), width), graph.constant(np.zeros(1000, np.float32))
    graph.output(graph.add("Gemm", value, weight, bias), ["batch", 1000])
    return graph


def _attend(graph: Graph, value: str, width: int, heads: int, bias: bool, causal: bool) -> str:
    split = graph.constant(np.array([0, 0, heads, width // heads], np.int64))
    merge = graph.constant(np.array([0, 0, width], np.int64))
    query, key, content = (
        graph.add("Reshape", graph.linear(value, width, width, bias), split) for _ in range(3)
    )  # [batch, sequence, heads, head width]
    query, content = (graph.add("Transpose", part, perm=[0, 2, 1, 3]) for part in (query, content))
    scores = graph.add("MatMul", query, graph.add("Transpose", key, perm=[0, 2, 3, 1]))
    scores = graph.add("Mul", scores, graph.constant(np.array((width / heads) ** -0.5, np.float32)))
    if causal:
        never = graph.constant(np.array(-1e4, np.float32))
        mask = graph.add("Expand", never, graph.add("Shape", scores))
        one = graph.constant(np.array(1, np.int64))
        scores = graph.add("Add", scores, graph.add("Trilu", mask, one, upper=1))
    mixed = graph.add("MatMul", graph.add("Softmax", scores, axis=-1), content)
    joined = graph.add("Reshape", graph.add("Transpose", mixed, perm=[0, 2, 1, 3]), merge)
    return graph.linear(joined, width, width, bias)


def _gelu(graph: Graph, value: str) -> str:
    erf = graph.add("Erf", graph.add("Mul", value, graph.constant(np.array(0.5**0.5, np.float32))))
    share = graph.add("Add", erf, graph.constant(np.array(1, np.float32)))
    return graph.add("Mul", graph.add("Mul", value, share), graph.constant(np.array(0.5, np.float32)))


def bert_base() -> Graph:
    """The layers of BERT-base, 109 million weights."""
    graph, width, hidden = Graph("bert_base"), 768, 3072
    ids = graph.input("input_ids", INT64, ["batch", "sequence"])
    words = graph.add("Gather", graph.weight((30522, width), width), ids)
    length = graph.add("Shape", ids, start=1, end=2)
    zero = graph.constant(np.array([0], np.int64))
    places = graph.add("Slice", graph.weight((512, width), width), zero, length, zero)
    value = graph.norm(graph.add("Add", words, places), width)
    for _ in range(12):
        value = graph.norm(graph.add("Add", value, _attend(graph, value, width, 12, True, False)), width)
        inner = _gelu(graph, graph.linear(value, width, hidden))
        value = graph.norm(graph.add("Add", value, graph.linear(inner, hidden, width)), width)
    graph.output(value, ["batch", "sequence", width])
    return graph


def decoder() -> Graph:
    """Four layers of a 7-billion-weight decoder and its two vocabularies, 1.07 billion weights."""
    graph, width, hidden, vocabulary = Graph("decoder"), 4096, 11008, 32000
    ids = graph.input("input_ids", INT64, ["batch", "sequence"])
    value = graph.add("Gather", graph.weight((vocabulary, width), width), ids)
    for _ in range(4):
        value = graph.add("Add", value, _attend(graph, graph.norm(value, width), width, 32, False, True))
        normed = graph.norm(value, width)
        gate = graph.linear(normed, width, hidden, bias=False)
        gate = graph.add("Mul", gate, graph.add("Sigmoid", gate))
        inner = graph.add("Mul", gate, graph.linear(normed, width, hidden, bias=False))
        value = graph.add("Add", value, graph.linear(inner, hidden, width, bias=False))
    logits = graph.linear(graph.norm(value, width), width, vocabulary, bias=False)
    graph.output(logits, ["batch", "sequence", vocabulary])
    return graph


SIZES = {"1MB": perceptron, "100MB": resnet50, "440MB": bert_base, "4GB": decoder}
EXTERNAL = ("4GB",)


def write(size: str, path: Path) -> None:
    """Write the model of one size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    graph = SIZES[size]()
    if size in EXTERNAL:
        graph.save_external(path)
    else:
        graph.save(path)


def main() -> None:
    """Write the model asked for."""
    parser = argparse.ArgumentParser(description="Write a seeded synthetic ONNX model.")
    parser.add_argument("out", type=Path, help="model file to write; the 4GB size also writes OUT.data")
    parser.add_argument("--size", choices=SIZES, required=True)
    options = parser.parse_args()
    write(options.size, options.out)


if __name__ == "__main__":
    main()
