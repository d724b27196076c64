"""quantize to any number of levels, with clipped scales, with zero points, and within a time limit."""

from __future__ import annotations

import os

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

import lightweight_cli
from lightweight_cli.errors import UsageError

HEAD = '<ir_version: 8, opset_import: ["" : 17]>'
MATMUL = f"{HEAD} g (float[N,96] x) => (float[N,64] y) <float[96,64] W> {{ y = MatMul (x, W) }}"
CONV = f"{HEAD} g (float[N,8,9,9] x) => (float[N,32,9,9] y) <float[32,4,3,3] W> {{ y = Conv <pads = [1,1,1,1], group = 2> (x, W) }}"
TWO = f"""{HEAD} g (float[N,96] x) => (float[N,40] y) <float[96,64] V, float[64,40] W>
    {{ a = MatMul (x, V)  b = Relu (a)  y = MatMul (b, W) }}"""


def feed_of(path: str, count: int, seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    shape = [d.dim_value or count for d in onnx.load(path).graph.input[0].type.tensor_type.shape.dim]
    few, mix = random.standard_normal((count, 5)), np.random.default_rng(1).standard_normal((5, int(np.prod(shape[1:]))))
    return {"x": (few @ mix + 0.1 * random.standard_normal((count, mix.shape[1]))).reshape(shape).astype(np.float32)}


def output(path: str, feed: dict[str, np.ndarray]) -> np.ndarray:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, feed)[0]


def decoded(path: str) -> np.ndarray:
    """The weight as the file decodes it, from what the model makes of unit vectors."""
    return output(path, {"x": np.eye(96, dtype=np.float32)})


@pytest.mark.parametrize("grid", ["uniform", "codebook"])
@pytest.mark.parametrize("method", ["nearest", "mse", "gptq"])
@pytest.mark.parametrize("levels", [2, 3, 6, 16, 256])
def test_a_channel_takes_so_many_values(levels, method, grid, save, tmp_path):
    source, target = save(MATMUL), str(tmp_path / "out.onnx")
    step = f"quantize:levels={levels},method={method},granularity=channel,keep=0,grid={grid}"
    done = lightweight_cli.run(source, [step], calibrate=[feed_of(source, 200, 0)])
    done.save(target, check=False)
    assert done.steps[0].weights[0].bits == pytest.approx(np.log2(levels), abs=0.01)
    found = decoded(target)
    assert max(len(np.unique(column)) for column in found.T) <= levels
    original = decoded(source)
    if method != "gptq" and grid == "uniform" and levels != 2:
        step_size = 2 * np.abs(original).max(0) / (levels - 1)
        assert method == "mse" or np.all(np.abs(found - original) <= 0.502 * step_size)


@pytest.mark.parametrize("levels", [3, 6])
@pytest.mark.parametrize("text", [MATMUL, CONV])
def test_data_bring_outputs_nearer_and_clipping_weights(text, levels, save, tmp_path):
    source = save(text)
    fresh, errors = feed_of(source, 60, 9), {}
    for method in ("nearest", "mse", "gptq"):
        target = str(tmp_path / f"{method}.onnx")
        step = f"quantize:levels={levels},method={method},keep=0"
        lightweight_cli.run(source, [step], calibrate=[feed_of(source, 300, 0)]).save(target, check=False)
        errors[method] = float(((output(source, fresh) - output(target, fresh)) ** 2).sum())
    assert errors["gptq"] < 0.9 * errors["nearest"] and errors["gptq"] < errors["mse"]


@pytest.mark.parametrize("granularity", ["block", "tensor"])
@pytest.mark.parametrize("text", [MATMUL, CONV])
def test_zero_points_serve_one_sided_weights(text, granularity, save, tmp_path):
    model = onnx.load(save(text))
    weight = model.graph.initializer[0]
    values = np.abs(numpy_helper.to_array(weight)) + np.float32(0.01)
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    source, errors = str(tmp_path / "source.onnx"), {}
    onnx.save(model, source)
    fresh = feed_of(source, 60, 9)
    for asymmetric in (False, True):
        target = str(tmp_path / f"{asymmetric}.onnx")
        step = f"quantize:bits=3,granularity={granularity},keep=0,method=gptq,asymmetric={asymmetric}"
        lightweight_cli.run(source, [step], calibrate=[feed_of(source, 300, 0)]).save(target, check=False)
        errors[asymmetric] = float(((output(source, fresh) - output(target, fresh)) ** 2).sum())
    assert errors[True] < 0.6 * errors[False]


def test_when_the_time_is_over_the_rest_is_rounded_to_nearest(save, tmp_path):
    source, target = save(TWO), str(tmp_path / "out.onnx")
    done = lightweight_cli.run(source, ["quantize:bits=4,keep=0,time_limit=0.0001"], calibrate=[feed_of(source, 100, 0)])
    done.save(target, check=False)
    assert {w.method for w in done.steps[0].weights} == {"nearest: the time was over"} and os.path.getsize(target)


@pytest.mark.parametrize(("options", "said"), [
    ("bits=4,levels=6", "bits 4 and levels 6"), ("asymmetric=true,grid=codebook", "grid codebook has none"),
    ("levels=1", "at least 2 and at most 256"), ("levels=257", "at least 2 and at most 256"), ("time_limit=0", "more than 0")])
def test_what_does_not_go_together_is_refused(options, said, save):
    with pytest.raises(UsageError, match=said):
        lightweight_cli.run(save(MATMUL), [f"quantize:{options}"])
