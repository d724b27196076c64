"""Rounding is passed straight through; what was cut off at the end of the grid gets no gradient."""

from __future__ import annotations

import numpy as np
from gradients.differences import model, runner

from lightweight_cli.gradients import differentiate

QDQ = """q = QuantizeLinear <axis = {axis}> (W, fixed, zero) d = DequantizeLinear <axis = {axis}> (q, fixed, zero)
         y = MatMul (seen, d) loss = ReduceSum <keepdims = 0> (y)"""


def gradient(declared: str, axis: int, weights: np.ndarray) -> np.ndarray:
    """Return the gradient of the sum of [[1, 2]] W by W, W being rounded to a grid."""
    proto = model(declared, QDQ.format(axis=axis), inputs="float[N,2] seen")
    result = differentiate(proto, "loss", ["W"])
    return runner(result)({"seen": np.array([[1, 2]], np.float32), "W": weights.astype(np.float32)})[2]


def test_one_grid() -> None:
    weights = np.array([[0.26, -20, 12.7], [12.9, 0, -12.8]])
    found = gradient("float[2,3] W, float fixed = {0.1}, int8 zero = {0}", 1, weights)
    assert found.tolist() == [[1, 0, 1], [0, 2, 2]]


def test_one_grid_a_channel() -> None:
    declared = "float[2,3] W, float[3] fixed = {0.1, 1.0, 0.001}, uint8[3] zero = {128, 0, 128}"
    found = gradient(declared, 1, np.array([[5, 5, 5], [-5, -5, 0.05]]))
    assert found.tolist() == [[1, 1, 0], [2, 0, 2]]
