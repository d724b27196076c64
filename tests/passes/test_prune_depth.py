"""prune-channels --depth: the residual blocks that matter least go, and what stays makes up for them."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from passes.layer_models import error, rows

import lightweight_cli
from lightweight_cli.errors import UsageError

BLOCKS = 3
NET = """<ir_version: 8, opset_import: ["" : 17]> g (float[N,24] x) => (float[N,8] y) <float[24,32] A, {weights} float[32,8] Z> {{
    s0 = MatMul (x, A)  {blocks}  r = Relu (s3)  y = MatMul (r, Z) }}"""


def net() -> str:
    weights = " ".join(f"float[32,48] B{i}, float[48,32] C{i}, float[32] c{i}," for i in range(BLOCKS))
    blocks = " ".join(f"a{i} = MatMul (s{i}, B{i}) b{i} = Relu (a{i}) d{i} = MatMul (b{i}, C{i}) q{i} = Add (d{i}, c{i}) "
                      f"s{i + 1} = Add (s{i}, q{i})" for i in range(BLOCKS))
    return NET.format(weights=weights, blocks=blocks)


def scaled(model: onnx.ModelProto) -> onnx.ModelProto:
    """Let the second block do little, and the first much."""
    for tensor in model.graph.initializer:
        factor = {"C0": 2.0, "C1": 0.05, "c1": 0.05}.get(tensor.name, 1.0)
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(factor), tensor.name))
    return model


def test_the_least_goes_and_the_others_make_up_for_it(save, parse, tmp_path):
    model = scaled(parse(net()))
    source, feed, fresh = save(model), rows(model, 300, 0), rows(model, 64, 7)
    errors, bytes_ = [], []
    for n, way in enumerate(("depth=0.6,no_recover=true", "depth=0.6", "depth=0.6")):
        done = lightweight_cli.run(source, [f"prune-channels:{way}"], calibrate=[feed])
        path = str(tmp_path / f"{n}.onnx")
        done.save(path, check=False)
        left = {t.name for t in onnx.load(path).graph.initializer}
        assert not left & {"B1", "C1", "c1", "B2", "C2", "c2"} and {"B0", "C0", "c0"} <= left, "the first block does most"
        assert any(note == "2 of 3 residual blocks left out" for note in done.steps[0].notes)
        errors.append(error(source, path, fresh))
        bytes_.append((tmp_path / f"{n}.onnx").read_bytes())
    assert errors[1] < 0.7 * errors[0] and bytes_[1] == bytes_[2]


def test_what_is_excluded_stays_and_what_can_not_be_measured_is_refused(save, parse):
    model = scaled(parse(net()))
    source = save(model)
    done = lightweight_cli.run(source, ["prune-channels:depth=1,exclude=C1"], calibrate=[rows(model, 60, 0)])
    assert {w.name for w in done.steps[0].weights if w.stored_as == "left out"} == {"B0", "C0", "B2", "C2"}
    none = lightweight_cli.run(save(parse(net().replace("Add (s", "Sub (s"))), ["prune-channels:depth=0.5"], calibrate=[rows(model, 60, 0)])
    assert none.steps[0].changed == 0 and none.steps[0].notes[0].startswith("no residual block can go")
    with pytest.raises(UsageError, match=r"--depth 0.5 is measured, and --no-check"):
        from lightweight_cli.model.load import load
        from lightweight_cli.pipeline.recipe import Step
        from lightweight_cli.pipeline.run import run_steps
        run_steps(load(source), [Step("prune-channels", {"depth": 0.5})], None, None)
