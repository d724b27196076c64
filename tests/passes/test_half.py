"""half: half the bytes, within the range and precision of the type."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import run, written
from onnx import TensorProto
from weight_models import BRANCHES, CONSTANT, CONV, FUNCTION, MATMUL, OUTPUT, TIED, filled, gaussian, opset, plain, stepped

from lightweight_cli.numerics import fp
from lightweight_cli.passes.half.rounding import store_halves

EYE = np.eye(64, dtype=np.float32)
W = gaussian(64, 32)
SMALL = W * np.float32(2.0**-60)  # in the range of bfloat16 alone
ROUNDED = {"float16": W.astype(np.float16).astype(np.float32), "bfloat16": fp.from_bfloat16(fp.to_bfloat16(SMALL))}


@pytest.mark.parametrize("type_name,weight,relative", [("float16", W, 2.0**-11), ("bfloat16", SMALL, 2.0**-8)])
def test_every_value_is_the_nearest(bench, type_name, weight, relative):
    model = bench.load(filled(MATMUL, W=weight))
    (changed,) = stepped(model, store_halves, type_name=type_name).weights
    assert changed.encoding == type_name and changed.after < W.nbytes / 2 + 100
    after = written(model)
    (decoded,) = run(after, {"x": EYE})
    assert decoded.tobytes() == ROUNDED[type_name].tobytes() == plain(model).tobytes()
    assert (np.abs(decoded - weight) <= relative * np.abs(weight)).all()
    (tensor,) = [t for t in after.graph.initializer if t.data_type != TensorProto.INT64]
    assert tensor.data_type == getattr(TensorProto, type_name.upper())


def test_the_second_time_nothing_is_left(bench):
    for text, shape in ((MATMUL, (64, 32)), (CONV, (16, 8, 3, 3))):
        model = bench.load(filled(text, W=gaussian(*shape)))
        assert stepped(model, store_halves, type_name="float16").changed == 1
        assert stepped(model, store_halves, type_name="float16").changed == 0


def test_zeros_take_a_bit(bench):
    pruned = gaussian(64, 640) * (np.abs(gaussian(64, 640)) > 1.5)
    model = bench.load(filled(MATMUL.replace("32]", "640]"), W=np.where(pruned == 0, np.float32(0), pruned)))
    (changed,) = stepped(model, store_halves, type_name="float16").weights
    assert changed.after < pruned.nbytes / 32 + np.count_nonzero(pruned) * 2 + 1000
    assert np.array_equal(plain(model) == 0, pruned == 0)


def test_range_and_precision(bench):
    large, small, tiny = W.copy(), W * np.float32(1e-5), W * np.float32(1e-6)
    large[0, 0] = 65505
    cases = [
        (large, "float16", "has values up to 6.55e+04: float16 ends at 65504"), (large, "bfloat16", ""),
        (tiny, "float16", "2,048 of 2,048 values are below float16's normal numbers, 6.1e-05"), (tiny, "bfloat16", ""),
        (small, "float16", "2,048 of 2,048 values are below float16's normal numbers, 6.1e-05"),
        (W * np.float32(1e-3), "float16", ""), (np.where(W > 0, np.float32(np.inf), W), "float16", "weights are not finite"),
    ]
    for weight, type_name, reason in cases:
        model = bench.load(filled(MATMUL, W=weight))
        report = stepped(model, store_halves, type_name=type_name)
        assert [left.reason for left in report.left] == ([reason] if reason else [])
        assert report.changed == (0 if reason else 1)
    edge = W.copy()
    edge[0, :2] = 65504, -65504
    model = bench.load(filled(MATMUL, W=edge))
    assert stepped(model, store_halves, type_name="float16").changed == 1
    assert plain(model)[0, :2].tolist() == [65504, -65504]


def test_what_stays_and_why(bench):
    cases = [(filled(OUTPUT, W=W), "float16", "is an output of the graph"),
             (opset(filled(MATMUL, W=W), 12), "bfloat16", "opset 12: widening bfloat16 needs 13"),
             (opset(filled(MATMUL, W=W), 6), "float16", "opset 6: widening float16 needs 7"),
             (filled(MATMUL.replace("[64, 32]", "[64, 0]"), W=W[:, :0]), "float16", "is empty"),
             (filled(MATMUL.replace("float[", "float16["), W=W.astype(np.float16)), "float16", "is not float32")]
    for model, type_name, reason in cases:
        loaded = bench.load(model)
        report = stepped(loaded, store_halves, type_name=type_name)
        assert report.changed == 0 and [left.reason for left in report.left] == [reason]
        assert written(loaded).graph.initializer == model.graph.initializer


@pytest.mark.parametrize("text,feed,name", [
    (BRANCHES, {"x": EYE, "c": np.array(True)}, "V"), (BRANCHES, {"x": EYE, "c": np.array(False)}, "W"),
    (CONSTANT, {"x": EYE}, "W"), (FUNCTION, {"x": EYE}, "W"),
    (TIED, {"i": np.arange(64), "x": np.eye(64, 32, dtype=np.float32)}, "W")])
def test_wherever_the_weight_is(bench, text, feed, name):
    model = bench.load(filled(text, W=W, V=W))
    assert stepped(model, store_halves, type_name="float16").changed == text.count("MatMul")
    assert run(written(model), feed)[0].tobytes() == ROUNDED["float16"].tobytes()
    assert plain(model, name).tobytes() == ROUNDED["float16"].tobytes()


def test_an_old_opset(bench):
    model = bench.load(opset(filled(MATMUL, W=W), 7))
    stepped(model, store_halves, type_name="float16")
    assert run(written(model), {"x": EYE})[0].tobytes() == ROUNDED["float16"].tobytes()


def test_a_large_bias_too(bench):
    text = """
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[n, 512] x) => (float[n, 512] y) <float[512] b, float s> { t = Mul (x, s)  y = Add (t, b) }
    """
    model = bench.load(filled(text, b=gaussian(512), s=np.float32(0.5)))
    (changed,) = stepped(model, store_halves, type_name="float16").weights
    assert (changed.name, changed.op, changed.encoding) == ("b", "Add", "float16")
