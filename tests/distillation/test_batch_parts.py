"""A batch that is run in parts has the loss and the gradients of the whole; a part is bounded by what it leaves behind."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from lightweight_cli.distillation import parts
from lightweight_cli.distillation.forms import Free
from lightweight_cli.distillation.loss import Loss
from lightweight_cli.distillation.models import Models
from lightweight_cli.distillation.opened import session_of
from lightweight_cli.distillation.parts import at_once, left_behind
from lightweight_cli.distillation.pool import Drawn, Pool
from lightweight_cli.distillation.scores import Learned
from lightweight_cli.distillation.settings import Settings
from lightweight_cli.distillation.vector import Vector

NET = """<ir_version: 8, opset_import: ["" : 17]> g (float[n,8] x, bool c) => (float[n,4] y) <float[8,4] A, float[4,4] B>
{ D = Transpose (B)  t = MatMul (x, A)  u = Tanh (t)
  v = If (c) <then_branch = th () => (float[n,4] p) { p = MatMul (u, D) }, else_branch = el () => (float[n,4] q) { q = Identity (u) }>
  y = Softmax (v) }"""
R = np.random.default_rng(0)


def made(scale: float = 1.0) -> onnx.ModelProto:
    model = onnx.parser.parse_model(NET)
    del model.graph.initializer[:]
    for name, shape in (("A", (8, 4)), ("B", (4, 4))):
        values = np.random.default_rng(1).standard_normal(shape) * scale
        model.graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), name))
    return model


def test_parts_sum_up_to_the_whole():
    student, learned = made(0.5), [Learned("y", "v", "v", "scores")]
    pool = Pool([Drawn({"x": R.standard_normal((7, 8)).astype(np.float32), "c": np.array(True)}, 7)], ("x",), 7, 0)
    Loss(student, 4.0).add(learned, {"v": np.zeros((7, 4), np.float32)}, 0.0, None)
    vector = Vector({"A": Free(numpy_helper.to_array(made(0.5).graph.initializer[0]).reshape(-1), False)}, {"A": (8, 4)})
    models = Models(session_of(made(), ["v"], 1, "teacher"), student, learned, vector, None, 1)
    drawn = pool.draw()
    loss = models.step([drawn])
    whole = vector.gradients["A"].copy()
    assert models.step(list(pool.parts(drawn, 3))) == pytest.approx(loss, rel=1e-5) and loss > 0.01
    np.testing.assert_allclose(vector.gradients["A"], whole, rtol=1e-4, atol=1e-6)
    assert np.abs(whole).max() > 0.01 and models.step([drawn]) == loss and np.array_equal(vector.gradients["A"], whole)


def test_a_part_is_bounded_by_what_it_leaves_behind(monkeypatch):
    pool = Pool([Drawn({"x": np.zeros((6, 8), np.float32), "c": np.array(True)}, 6)], ("x",), 6, 0)
    of_one = 4 * 4 * 4  # t, u, v and y; D is made of weights alone
    assert left_behind(made(), next(pool.parts(pool.draw(), 1)), Settings()) == of_one
    for memory, most in ((2.5, 2), (0.1, 1)):
        monkeypatch.setattr(parts, "MEMORY", int(memory * parts.WAY_BACK * of_one))
        assert at_once(made(), pool, Settings()) == most
    assert at_once(made(), Pool(pool.batches, (), 6, 0), Settings()) == 6
