"""quantize by second-order rounding: outputs nearer than nearest's at equal bytes, wherever a weight lies, with data and without."""

from __future__ import annotations

import os

import numpy as np
import onnx
import pytest
from passes.layer_models import HEAD, MODELS, error, model_of, output, rows

import lightweight_cli


@pytest.mark.parametrize(("name", "bits"), [*((name, 4) for name in MODELS), ("conv", 3), ("matmul", 3)])
def test_outputs_on_other_rows_are_nearer_than_nearest(name, bits, save, parse, tmp_path):
    model = model_of(name, parse)
    source, feed, fresh = save(model), rows(model, 400, 0), rows(model, 64, 7)
    errors, sizes = {}, {}
    for method in ("nearest", "gptq"):
        target = str(tmp_path / f"{method}.onnx")
        done = lightweight_cli.run(source, [f"quantize:bits={bits},method={method},keep=0,granularity=channel"], calibrate=[feed])
        done.save(target, check=False)
        errors[method], sizes[method] = error(source, target, fresh), os.path.getsize(target)
        assert done.steps[0].changed and not [w for w in done.steps[0].left if "smaller" not in w.reason]
    assert errors["gptq"] < 0.85 * errors["nearest"]
    assert sizes["gptq"] <= 1.02 * sizes["nearest"] + 700  # a table of 256 pairs, not 225; scales for outputs, not inputs


@pytest.mark.parametrize("name", ["conv", "grouped", "depthwise"])
def test_a_prior_serves_where_the_model_is_not_run(call, name, save, parse, tmp_path):
    model = model_of(name, parse)
    source, fresh, errors = save(model), rows(model, 64, 7, mean=2.0), {}
    for method in ("nearest", "gptq"):
        target = str(tmp_path / f"{method}.onnx")
        status, _, said = call("quantize", source, "--bits", 3, "--method", method, "--keep", 0, "--no-check", "-o", target)
        errors[method] = error(source, target, fresh)
        assert status == 0 and (method == "nearest" or "on a prior: 1" in said)
    assert errors["gptq"] < errors["nearest"]


@pytest.mark.parametrize(("bits", "granularity", "grid"), [
    (2, "block", "uniform"), (2, "tensor", "codebook"), (3, "channel", "uniform"), (3, "block", "codebook"), (4, "block", "uniform"),
    (4, "tensor", "uniform"), (4, "channel", "codebook"), (5, "block", "codebook"), (6, "channel", "uniform"), (8, "block", "uniform"),
    (8, "channel", "codebook"),
])
def test_every_form_is_stored_in_its_bits(bits, granularity, grid, save, parse, tmp_path):
    source = save(f"{HEAD} g (float[N,256] x) => (float[N,192] y) <float[256,192] W> {{ y = MatMul (x, W) }}")
    feed = rows(onnx.load(source), 300, 0)
    step = f"quantize:bits={bits},method=gptq,granularity={granularity},grid={grid},keep=0"
    done = lightweight_cli.run(source, [step], calibrate=[feed])
    target = str(tmp_path / "out.onnx")
    done.save(target, check=False)
    spare = 1.1 if granularity != "block" else 1.1 + 0.5 / bits
    assert os.path.getsize(target) < spare * 256 * 192 * bits / 8 + 3000
    assert np.isfinite(output(target, feed)).all() and error(source, target, feed) < 0.2


def test_the_same_data_give_the_same_bytes(save, parse, tmp_path):
    model = model_of("two layers", parse)
    source, feed, made = save(model), rows(model, 100, 0), []
    for number in range(2):
        target = tmp_path / f"{number}.onnx"
        lightweight_cli.run(source, ["quantize:bits=4,keep=0"], calibrate=[feed]).save(target, check=False)
        made.append(target.read_bytes())
    assert made[0] == made[1]


def test_data_with_nan_fall_back_to_nearest(save, parse, tmp_path):
    model = model_of("matmul", parse)
    source, feed = save(model), rows(model, 50, 0)
    feed["x"][3, 5] = np.nan
    done = lightweight_cli.run(source, ["quantize:bits=4,keep=0"], calibrate=[feed])
    assert done.steps[0].changed == 1 and "nearest: 1" in done.steps[0].notes[0]


def test_at_8_bits_data_are_not_asked_for(save, parse):
    source = save(model_of("matmul", parse))
    assert not lightweight_cli.run(source, ["quantize"], calibrate=[{"x": np.zeros((1, 3))}]).steps[0].notes
