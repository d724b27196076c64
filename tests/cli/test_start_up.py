"""What a command imports before it works: a third of the time that a small model takes."""

import subprocess
import sys

import numpy as np
import onnx
import onnx.parser

MODEL = """<ir_version: 8, opset_import: ["": 17]> g (float[1, 64] x) => (float[1, 64] y) { y = MatMul(x, w) }"""
WINGS = ("calibration", "data", "gradients", "structure", "targets", "sensitivity")
"""What is asked for by other options or commands only."""
MODULES = ("checking.accuracy", "runtime.sessions", "runtime.child", "runtime.latency", "checking.certify.budget", "numerics.solver",
           "passes.quantize.layers", "numerics.codebooks", "weights.row_restoring")
OTHERS = {"numpy.ma", "concurrent.futures", "logging", "statistics", "html"}
"""Of other libraries, each of some ms."""
RUN = """
import gc, sys
import numpy
before = {*sys.modules}
from lightweight_cli.cli.quick import read
for words in (["strip"], ["quantize", "--bits", "8", "--keep", "0"]):
    command, given = read([*words, sys.argv[1], "--no-check", "-q", "-f", "-o", sys.argv[2]])
    command.body(given)
import onnx, importlib.metadata
print(gc.isenabled() and gc.get_freeze_count() > 0, onnx.__version__ == importlib.metadata.version('onnx'))
print(*(m for m in sys.modules if m not in before))
"""


def test_a_command_without_a_check_imports_nothing_that_only_checks_or_data_need(tmp_path):
    model = onnx.parser.parse_model(MODEL)
    weight = onnx.numpy_helper.from_array((np.arange(4096, dtype=np.float32) % 97 / 50 - 1).reshape(64, 64), "w")
    model.graph.initializer.append(weight)
    source, result = tmp_path / "m.onnx", tmp_path / "o.onnx"
    onnx.save(model, source)
    said = subprocess.run([sys.executable, "-c", RUN, source, result], check=True, capture_output=True, text=True).stdout.split()
    loaded = [m.removeprefix("lightweight_cli.") for m in said[2:] if m.startswith("lightweight_cli.")]
    assert result.stat().st_size < source.stat().st_size / 2 and "passes.quantize.weights" in loaded
    assert OTHERS & {*said} == set()
    assert [m for m in loaded if m.split(".")[0] in WINGS or m in MODULES] == []
    assert said[:2] == ["True", "True"], "the garbage collector works again, and the version is right"
