"""onnxruntime's own file format, of its small builds for mobile and embedded devices."""

from __future__ import annotations

from lightweight_cli.targets.storage import INTEGERS, computes, never, refusals
from lightweight_cli.targets.target import STORING, Target

KEPT = "a .ort file holds what is left after constant folding"
TARGET = Target(
    name="ort-format",
    what="a .ort file for onnxruntime's small builds (Android, iOS, embedded), with the list of operators such a build needs",
    evidence="run",
    source="the file in onnxruntime 1.32.0; its converter, onnxruntime.tools.convert_onnx_models_to_ort",
    folds="nothing at load: all is folded when the file is written",
    must_not=("storage encodings: they become floats in the file",),
    refused=dict.fromkeys(STORING, "is decoded when the .ort file is written"),
    passes=refusals(KEPT, unless=computes, instead=INTEGERS, computing=never),
    file="ort",
)
