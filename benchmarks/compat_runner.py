"""Runs models in the runtime of this Python; needs numpy and onnxruntime or openvino, nothing of lwc.

    python compat_runner.py FOLDER     NAME.onnx with NAME.npy: the model's output for the identity matrix

Prints one line of JSON: the runtime's version, and for each model whether its output is exact and what is left of the
decoding when it runs; for onnxruntime as a file NAME.optimised beside it.
"""

import json
import sys
from pathlib import Path

import numpy as np

PLAIN = {"Input", "Output", "Const", "MatMul", "FullyConnected", "Reorder", "Transpose"}
"""Layers of OpenVINO that the float model has, or may have."""


def onnxruntime_runs(path, x):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.optimized_model_filepath = str(path.with_suffix(".optimised"))
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    options = ort.SessionOptions()
    options.log_severity_level = 4
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0], None


def openvino_runs(path, x):
    import openvino

    compiled = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    types = [op.get_rt_info()["layerType"] for op in compiled.get_runtime_model().get_ordered_ops()]
    kinds = {str(getattr(kind, "value", kind)) for kind in types}
    return compiled({"x": x})[0], sorted(kinds - PLAIN)


def main():
    try:
        import onnxruntime

        name, run = "onnxruntime " + onnxruntime.__version__, onnxruntime_runs
    except ImportError:
        import openvino

        name, run = "OpenVINO " + openvino.__version__.split("-")[0], openvino_runs
    found = {}
    for path in sorted(Path(sys.argv[1]).glob("*.onnx")):
        expected = np.load(path.with_suffix(".npy"))
        try:
            y, left = run(path, np.eye(len(expected), dtype=np.float32))
            found[path.stem] = {"exact": bool(np.array_equal(y, expected)), "left": left}
        except Exception as error:  # each runtime has its own
            found[path.stem] = {"refused": " ".join(str(error).split())[:200]}
    print(json.dumps({"runtime": name, "models": found}))


main()
