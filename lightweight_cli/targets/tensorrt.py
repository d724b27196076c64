"""NVIDIA's TensorRT, and onnxruntime with it."""

from __future__ import annotations

from lightweight_cli.targets.storage import ONLY_QDQ, STATIC, refusals, static
from lightweight_cli.targets.target import STORING, Target

# It takes FLOAT16 with a Cast, and zeros by 2:4 for its sparse kernels: half and prune stay.
KEPT = "TensorRT takes no UINT8 constants, and stores weights in its own plan"
TARGET = Target(
    name="tensorrt",
    what="TensorRT on NVIDIA GPUs, by its ONNX parser or as onnxruntime's provider",
    evidence="documents",
    source="onnx-tensorrt, docs/operators.md; TensorRT, Working with Quantized Types",
    folds="integers only where QuantizeLinear and DequantizeLinear stand at both sides of an operator",
    must_not=("storage encodings of bytes", "zero points other than 0", "activations with a scale for each channel",
              "dynamic quantization, ConvInteger, MatMulInteger and QLinear operators"),
    refused=dict.fromkeys((name for name in STORING if name != "float16"), "is of types that its parser does not take"),
    passes=refusals(KEPT, "half", "prune", unless=static, instead=STATIC + ", or half"),
    formats=ONLY_QDQ,
    domains=(),
    symmetric=True,
    lacks=("ConvInteger", "DynamicQuantizeLinear", "MatMulInteger", "QLinearConv", "QLinearMatMul"),
)
