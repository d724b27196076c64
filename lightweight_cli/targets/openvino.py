"""OpenVINO, which reads ONNX files as they are."""

from __future__ import annotations

from lightweight_cli.targets.target import Refusal, Target

TARGET = Target(
    name="openvino",
    what="OpenVINO's runtime on Intel and ARM processors",
    evidence="run",
    source="OpenVINO 2026.4.1, CPU",
    folds="decodes tables, planes and vectors once, when the model is compiled",
    formats={"qoperator": Refusal("it does not load QLinearConv, QLinearMatMul, QGemm and others with a scale for each channel",
                                  "--format qdq")},
    lacks=("QGemm",),
    refused=dict.fromkeys(("tree", "bitmask", "delta"), "is decoded at every run, and not loaded as weights of LSTM and GRU"),
    passes={"prune": Refusal("its zeros are stored as floats: forms that leave them out are decoded at every run",
                             "quantize --bits 4, or prune-channels")},
)
