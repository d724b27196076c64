"""Write a folder with a network of VGG16's convolutions and seeded weights, and samples to calibrate it: python benchmarks/vgg.py FOLDER.

It has no labels: quantization.py measures what it costs to quantize. Source: Simonyan, Zisserman 2014, arXiv:1409.1556, table 1, D.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTHS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)
"""Channels of each convolution; 0 is a pooling."""
SIDE, SAMPLES, CLASSES = 64, 64, 10


def main(folder: Path) -> None:
    """Write model.onnx and calib_feeds.npz."""
    rng = np.random.default_rng(0)
    nodes, weights, now, channels = [], [], "image", 3
    for i, width in enumerate(WIDTHS):
        if not width:
            nodes.append(helper.make_node("MaxPool", [now], [f"p{i}"], kernel_shape=[2, 2], strides=[2, 2]))
            now = f"p{i}"
            continue
        weight = rng.standard_normal((width, channels, 3, 3)) * np.sqrt(2 / (9 * channels))
        weights.append(numpy_helper.from_array(weight.astype(np.float32), f"w{i}"))
        weights.append(numpy_helper.from_array(np.zeros(width, np.float32), f"b{i}"))
        nodes.append(helper.make_node("Conv", [now, f"w{i}", f"b{i}"], [f"c{i}"], pads=[1] * 4))
        nodes.append(helper.make_node("Relu", [f"c{i}"], [f"r{i}"]))
        now, channels = f"r{i}", width
    last = rng.standard_normal((channels, CLASSES), dtype=np.float32) * np.sqrt(1 / channels)
    weights.append(numpy_helper.from_array(last.astype(np.float32), "last"))
    nodes += [helper.make_node("GlobalAveragePool", [now], ["mean"]), helper.make_node("Flatten", ["mean"], ["flat"])]
    nodes.append(helper.make_node("MatMul", ["flat", "last"], ["logits"]))
    images = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", CLASSES])
    graph = helper.make_graph(nodes, "vgg16", [images], [logits], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / "model.onnx")
    np.savez(folder / "calib_feeds.npz", image=rng.standard_normal((SAMPLES, 3, SIDE, SIDE), dtype=np.float32))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
