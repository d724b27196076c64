"""unpack: plain floats again, the same bits, from any encoding."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import run, written
from onnx import TensorProto, helper, numpy_helper
from weight_models import BRANCHES, CONSTANT, CONV, FUNCTION, MATMUL, TIED, filled, gaussian, stepped

import lightweight_cli
from lightweight_cli.passes.unpack.decoding import decode_all
from lightweight_cli.pipeline import recipe, registry
from lightweight_cli.pipeline.run import run_steps

W = gaussian(64, 32)
X = {"x": gaussian(3, 64, seed=1)}
STEPS = ["prune:sparsity=0.6", "prune:sparsity=0.95", "quantize:bits=8", "quantize:bits=4", "share:bits=5", "half",
         "share:bits=4,vector=4,stages=2", "share:bits=2,block_size=8", "half:type=bfloat16"]


def floats_only(model):
    """Whether the model has the operators it began with."""
    return all(n.op_type in ("MatMul", "Conv", "Gather", "Transpose", "If", "Constant", "dense") for n in model.graph.node)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("text,shape,feed", [(MATMUL, (64, 32), X), (CONV, (16, 8, 3, 3), {"x": gaussian(1, 8, 9, 9)})])
def test_what_lwc_encodes(bench, step, text, shape, feed):
    model = bench.load(filled(text, W=gaussian(*shape)))
    run_steps(model, [recipe.parse(step)])
    encoded = written(model)
    report = stepped(model, decode_all)
    assert report.changed == 1 and [(w.name, w.encoding, w.shape) for w in report.weights] == [("W", "float", shape)]
    after = written(model)
    assert floats_only(after) and [t.name for t in after.graph.initializer] == ["W"]
    assert encoded.ByteSize() < after.ByteSize() == filled(text, W=gaussian(*shape)).ByteSize() + provenance(after)
    (old,), (new,) = run(encoded, feed), run(after, feed)
    assert old.tobytes() == new.tobytes()
    assert stepped(model, decode_all).changed == 0


def provenance(model):
    """Bytes of the metadata that lwc added."""
    copy = type(model).FromString(model.SerializeToString())
    del copy.metadata_props[:]
    return model.ByteSize() - copy.ByteSize()


@pytest.mark.parametrize("text,feeds", [
    (BRANCHES, [{**X, "c": np.array(True)}, {**X, "c": np.array(False)}]), (CONSTANT, [X]), (FUNCTION, [X]),
    (TIED, [{"i": np.arange(64), "x": gaussian(2, 32)}])])
def test_wherever_the_weight_is(bench, text, feeds):
    model = bench.load(filled(text, W=gaussian(64, 32), V=gaussian(64, 32, seed=1)))
    run_steps(model, [recipe.parse("quantize:bits=8,keep=0")])
    encoded = written(model)
    assert not floats_only(encoded) or text == FUNCTION
    assert stepped(model, decode_all).changed == text.count("MatMul")
    after = written(model)
    assert floats_only(after) and all({n.op_type for n in f.node} == {"Constant", "MatMul"} for f in after.functions)
    for feed in feeds:
        for old, new in zip(run(encoded, feed), run(after, feed), strict=True):
            assert old.tobytes() == new.tobytes()


def test_dequantize_linear_of_constants(bench):
    text = """
    <ir_version: 10, opset_import: ["" : 21]>
    g (float[n, 64] x) => (float[n, 8] y) <int8[64, 32] Q, float[32] s, int8[32] z, uint8[32, 8] R, float[2, 8] t>
    { W = DequantizeLinear <axis = 1> (Q, s, z)  h = MatMul (x, W)
      V = DequantizeLinear <axis = 0, block_size = 16> (R, t)  y = MatMul (h, V) }
    """
    random = np.random.default_rng(0)
    q, z = random.integers(-128, 128, (64, 32), np.int8), random.integers(-9, 9, 32, np.int8)
    s, t = random.random(32, np.float32), random.random((2, 8), np.float32)
    r = random.integers(0, 256, (32, 8), np.uint8)
    model = bench.load(filled(text, Q=q, s=s, z=z, R=r, t=t))
    assert stepped(model, decode_all).changed == 2
    after = written(model)
    values = {i.name: np.frombuffer(i.raw_data, np.float32).reshape(tuple(i.dims)) for i in after.graph.initializer}
    assert values.keys() == {"W", "V"} and all(i.data_type == TensorProto.FLOAT for i in after.graph.initializer)
    assert np.array_equal(values["W"], (q.astype(np.float32) - z) * s)
    assert np.array_equal(values["V"], r.astype(np.float32) * np.repeat(t, 16, axis=0))


def test_plain_models_and_other_constants_stay(bench):
    text = """
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[n, 64] x) => (float[n, 32] y, int64[2] s) <float[64, 32] W, int64[2] a>
    { y = MatMul (x, W)  b = Cast <to = 1> (a)  s = Cast <to = 7> (b) }
    """
    model = filled(text, W=gaussian(64, 32), a=np.array([3, 4]))
    loaded = bench.load(model)
    assert stepped(loaded, decode_all).changed == 0 and written(loaded) == model


def test_only_unpack_makes_files_larger(call, tmp_path):
    assert [p.name for p in registry.all_passes() if p.grows] == ["unpack"]
    source = filled(MATMUL, W=gaussian(64, 32))
    (tmp_path / "model.onnx").write_bytes(source.SerializeToString())
    assert call("quantize", "model.onnx", "--keep", "0", "-o", "small.onnx", "--no-check")[0] == 0
    assert call("unpack", "small.onnx", "-o", "large.onnx")[0] == 0
    small, large = ((tmp_path / name).stat().st_size for name in ("small.onnx", "large.onnx"))
    assert small < source.ByteSize() / 3 < source.ByteSize() < large
    assert call("unpack", "small.onnx", "-o", "limited.onnx", "--max-size", "4KB")[0] == 4
    assert not (tmp_path / "limited.onnx").exists()


@pytest.mark.parametrize("kind", [TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT8E4M3FNUZ, TensorProto.FLOAT8E5M2, TensorProto.FLOAT8E5M2FNUZ])
@pytest.mark.parametrize("steps", [["unpack"], ["half"], ["prune:sparsity=0.5", "unpack"], ["quantize:bits=8,keep=0", "unpack"]])
def test_float8_are_no_whole_numbers(kind, steps):
    values = gaussian(64, 32)
    graph = helper.make_graph(
        [helper.make_node("DequantizeLinear", ["q", "s"], ["W"]), helper.make_node("MatMul", ["x", "W"], ["y"])], "g",
        [helper.make_tensor_value_info("x", 1, ["n", 64])], [helper.make_tensor_value_info("y", 1, ["n", 32])],
        [helper.make_tensor("q", kind, [64, 32], values.reshape(-1)), numpy_helper.from_array(np.float32(0.25), "s")])
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21)])
    result = lightweight_cli.run(model, steps)
    feed = {"x": np.eye(64, dtype=np.float32)}
    was, now = run(model, feed)[0], run(written(result.model), feed)[0]
    assert np.allclose(was, values * 0.25, atol=0.07)
    if steps in (["unpack"], ["half"]):
        assert was.tobytes() == now.tobytes()
    elif steps[0].startswith("prune"):
        assert np.array_equal(now[now != 0], was[now != 0]) and np.count_nonzero(now) == was.size / 2
    else:
        assert np.abs(was - now).max() <= np.abs(was).max() / 254


@pytest.mark.parametrize("step", ["unpack", "pack", "prune:sparsity=0.5", "quantize:bits=4", "share"])
def test_the_type_that_dequantize_linear_is_asked_for(step):
    model = filled("""<ir_version: 11, opset_import: ["" : 23]>
        g (int64[n] i) => (float16[n, 32] y) <int8[64, 32] q, float s>
        { W = DequantizeLinear <output_dtype = 10> (q, s) y = Gather (W, i) }""",
                   q=(gaussian(64, 32) * 40).astype(np.int8), s=np.float32(0.01))
    after = written(lightweight_cli.run(model, [step]).model)
    feed = {"i": np.arange(64)}
    try:
        was = run(model, feed)[0]
    except Exception:
        pytest.skip("onnxruntime 1.23 does not run the original, nor what keeps its DequantizeLinear")
    assert run(after, feed)[0].dtype == np.float16
    if step in ("unpack", "pack"):
        assert run(after, feed)[0].tobytes() == was.tobytes()
