"""What a command imports before it works: half of the time that a small model takes."""

import subprocess
import sys

import numpy as np
import onnx
import onnx.parser
import pytest

MODEL = """<ir_version: 8, opset_import: ["": 17]> g (float[1, 64] x) => (float[1, 64] y) { y = MatMul(x, w) }"""
CHECKS = ("checking.accuracy", "runtime.sessions", "runtime.child", "runtime.latency", "checking.certify", "data", "gradients", "structure",
          "targets", "sensitivity", "weights.row_restoring")
"""Modules and wings that only a check, data or other commands need."""
SOLVERS = ("calibration", "numerics.solver", "numerics.codebooks", "passes.quantize.layers")
"""Of second order, which fewer bits than 8 have."""
OTHERS = {"numpy.ma", "concurrent.futures", "logging", "statistics", "html"}
"""Of other libraries, each of some ms."""
RUN = """
import gc, sys
import numpy
before = {*sys.modules}
from lightweight_cli.cli.quick import read
source, result, *quantize = sys.argv[1:]
for words in (["strip"], ["quantize", "--keep", "0", *quantize]):
    command, given = read([*words, source, "--no-check", "-q", "-f", "-o", result])
    command.body(given)
import onnx, importlib.metadata
print(gc.isenabled() and gc.get_freeze_count() > 0, onnx.__version__ == importlib.metadata.version('onnx'))
print(*(m for m in sys.modules if m not in before))
"""


@pytest.mark.parametrize("bits, unneeded", [(8, (*CHECKS, *SOLVERS)), (4, (*CHECKS, "calibration.guard", "calibration.study"))])
def test_a_command_without_a_check_imports_nothing_that_only_checks_or_data_need(bits, unneeded, tmp_path):
    model = onnx.parser.parse_model(MODEL)
    weight = onnx.numpy_helper.from_array((np.arange(4096, dtype=np.float32) % 97 / 50 - 1).reshape(64, 64), "w")
    model.graph.initializer.append(weight)
    source, result = tmp_path / "m.onnx", tmp_path / "o.onnx"
    onnx.save(model, source)
    words = [sys.executable, "-c", RUN, source, result, "--bits", str(bits)]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
    loaded = [m.removeprefix("lightweight_cli.") for m in said[2:] if m.startswith("lightweight_cli.")]
    assert result.stat().st_size < source.stat().st_size / 2 and "passes.quantize.weights" in loaded
    assert OTHERS & {*said} == set()
    assert [m for m in loaded if f"{m}.".startswith(tuple(f"{u}." for u in unneeded))] == []
    assert said[:2] == ["True", "True"], "the garbage collector works again, and the version is right"
