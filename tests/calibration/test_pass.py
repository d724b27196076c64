"""The whole way: data on the command line, a pass that walks over the layers, a file that is better than without data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lightweight_cli.encodings import choose
from lightweight_cli.numerics import scales
from lightweight_cli.numerics.solver import solve
from lightweight_cli.pipeline import registry
from lightweight_cli.pipeline.context import Context
from lightweight_cli.weights.matrix import matrix_of
from lightweight_cli.weights.plan import Plan

BITS = 3


def follow(context: Context) -> int:
    """Round every weight, each fit to what the ones before it became; without data to the nearest.

    Returns: weights rounded.
    """
    rewriter, calibration, new = context.rewriter(), context.calibration(), {}
    values = {w.name: w.read(0, w.size).reshape(w.shape) for w in rewriter.weights}

    def lay(target, importance):
        return scales.largest(target, (target.shape[0], target.shape[1], 1), BITS)

    if calibration is None:
        for w in rewriter.weights:
            view = matrix_of(w)
            grid = lay(view.of(values[w.name]), None)
            new[w.name] = view.back(grid.decode(grid.nearest(view.of(values[w.name]))))
    else:
        for layer in calibration.walk(context.model, rewriter.weights):
            assert layer.statistics is not None, layer.reason
            view = matrix_of(layer.weight)
            solution = solve(view.of(values[layer.weight.name]), layer.statistics.moments, lay)
            new[layer.weight.name] = view.back(solution.grid.decode(solution.codes)).astype(np.float32)
            layer.replace(new[layer.weight.name])

    def plan(w):
        flat = new[w.name].astype(np.float32).reshape(-1)
        options = choose.for_floats(lambda label: rewriter.emission(w, label), w.name, w.shape, w.dtype, flat.size, [flat], 4)
        return Plan(w, options, must=True)

    return rewriter.run(plan)


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    registry.register(lossy=True, unit="weights", calibrates=lambda options: True)(follow)
    yield
    del registry.PASSES["follow"]


def test_calibration_from_the_command_line_to_the_file(call, mlp, execute, tmp_path: Path):
    R = np.random.default_rng(0)
    mix = R.standard_normal((8, 64))  # inputs that fill only a part of the space: plain rounding can't know
    x = (R.standard_normal((400, 8)) @ mix + 0.1 * R.standard_normal((400, 64))).astype(np.float32)
    np.savez(tmp_path / "c.npz", x=x[:300])
    np.savez(tmp_path / "d.npz", x=x[300:])
    (y,) = execute(mlp, {"x": x[300:]})
    error = []
    for words in ([], ["--calibrate", "c.npz", "--data", "d.npz"]):
        status, _, said = call("run", mlp, "-p", "follow", "-p", "pack", *words, "-f", "-o", "out.onnx")
        assert status == 0, said
        assert "unchanged" not in said
        error.append(float(np.square(execute(str(tmp_path / "out.onnx"), {"x": x[300:]})[0] - y).sum() / np.square(y).sum()))
    assert error[1] < error[0] / 3
