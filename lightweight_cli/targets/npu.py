"""NPUs behind onnxruntime: Qualcomm's QNN, and others that take static QDQ models only."""

from __future__ import annotations

from lightweight_cli.targets.storage import ONLY_QDQ, STATIC, refusals, static
from lightweight_cli.targets.target import STORING, Target

KEPT = "an NPU's compiler takes weights as they are, or behind DequantizeLinear"
TARGET = Target(
    name="npu",
    what="NPUs by onnxruntime's QNN provider (Qualcomm HTP), and others that take static QDQ models",
    evidence="documents",
    source="onnxruntime, QNN Execution Provider: needs QDQ models of fixed shapes",
    folds="integers only where QuantizeLinear and DequantizeLinear stand at both sides of an operator; the rest runs on the CPU",
    must_not=("storage encodings", "dynamic shapes", "dynamic quantization", "weights with zero points", "activations with a scale "
              "for each channel"),
    refused=dict.fromkeys(STORING, "runs on the CPU, or not at all"),
    passes=refusals(KEPT, unless=static, instead=STATIC),
    formats=ONLY_QDQ,
    domains=(),
    fixed_shapes=True,
)
