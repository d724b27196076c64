"""Steps that lose nothing: what counts as the same, and what onnxruntime itself changes."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto, numpy_helper, parser

from lightweight_cli.checking.accuracy import Accuracy, OutputFidelity
from lightweight_cli.checking.judge import judge
from lightweight_cli.checking.same import first_difference, is_same, told
from lightweight_cli.checking.verify import verify
from lightweight_cli.jobs.judging import lossless
from lightweight_cli.pipeline import recipe, registry
from lightweight_cli.pipeline.context import Context


@pytest.mark.parametrize(("kind", "sqnr", "same"), [
    ("tensor(float)", 90.0, True), ("tensor(float)", 89.9, False), ("tensor(float)", math.inf, True), ("tensor(float16)", 50.0, True),
    ("tensor(float16)", 49.9, False), ("tensor(bfloat16)", 35.0, True), ("tensor(bfloat16)", 34.9, False)])
def test_floats_may_differ_by_rounding(kind: str, sqnr: float, same: bool) -> None:
    assert is_same(OutputFidelity("y", kind, 0.01, sqnr, 1.0)) is same


def test_all_else_is_equal_or_not_the_same() -> None:
    assert is_same(OutputFidelity("y", "tensor(int64)", agreement=1.0))
    one = OutputFidelity("y", "tensor(int64)", agreement=0.999)
    assert not is_same(one) and told(one) == "99.90% of its values are equal"
    assert not is_same(OutputFidelity("y", "tensor(float)", note="another shape"))
    stray = OutputFidelity("y", "tensor(float)", 0.0, math.inf, 1.0, strayed=2)
    assert not is_same(stray) and told(stray) == "2 values that are not finite became others"
    assert first_difference(Accuracy(True, 1, 1, (stray,))) is stray
    assert first_difference(Accuracy(True, 1, 1, (stray,), unverified="random operators")) is None


def test_infinities_that_became_others_are_counted(tmp_path: Path) -> None:
    head = '<ir_version: 10, opset_import: ["": 18]> agraph (float[N] x) => (float[N] y) '
    for name, body in (("old", "{ y = Log(x) }"), ("new", "{ a = Log(x) y = Neg(a) }")):
        (tmp_path / name).write_bytes(parser.parse_model(head + body).SerializeToString())
    data = [{"x": np.array([0, -1, 1], np.float32)}]  # -inf, nan, 0
    (output,) = verify(str(tmp_path / "old"), str(tmp_path / "new"), data, latency=False).outputs
    assert (output.finite, output.strayed, output.max_error) == (1 / 3, 1, 0)


TEXT = """<ir_version: 8, opset_import: ["" : 17]> g (float[N,64] x) => (float[N,32] y) <float[64,32] W> { y = MatMul (x, W) }"""


@pytest.fixture
def breaks(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let `strip` move every weight by a share, which it must not."""

    def install(share: float) -> None:
        which = registry.get("strip")

        @functools.wraps(which.function)
        def function(context: Context, **options: object) -> int:
            graph = context.model.proto.graph
            graph.ClearField("doc_string")
            for tensor in graph.initializer:
                value = context.model.array(tensor)
                tensor.CopyFrom(numpy_helper.from_array((value * (1 + share)).astype(value.dtype), tensor.name))
            return 1

        monkeypatch.setitem(registry.PASSES, "strip", which._replace(function=function))

    return install


def test_recipes_that_lose_nothing() -> None:
    assert lossless([recipe.parse("strip"), recipe.parse("pack"), recipe.parse("unpack")])
    assert not lossless([recipe.parse("strip"), recipe.parse("half")])


QDQ = """<ir_version: 8, opset_import: ["" : 17]> g (float[N,64] x) => (float[N,16] y)
<float s = {0.02}, uint8 z = {128}, float[16] t, int8[64,16] W, int8[16] v> {
  q = QuantizeLinear (x, s, z)  a = DequantizeLinear (q, s, z)  w = DequantizeLinear <axis = 1> (W, t, v)
  m = MatMul (a, w)  p = QuantizeLinear (m, s, z)  y = DequantizeLinear (p, s, z) }"""


def test_a_difference_of_onnxruntimes_own_is_said(call, tmp_path: Path, parse: Callable[..., ModelProto], save: Callable[..., str]) -> None:
    proto = parse(QDQ)
    random = np.random.default_rng(0)
    values = {"W": random.integers(-127, 127, (64, 16)).astype(np.int8), "t": np.full(16, 0.0123, np.float32), "v": np.zeros(16, np.int8)}
    for tensor in proto.graph.initializer:
        if tensor.name in values:
            tensor.CopyFrom(numpy_helper.from_array(values[tensor.name], tensor.name))
    source = save(proto)
    status, _, error = call("unpack", "model.onnx", "-o", "out.onnx")
    assert status == 0 and (tmp_path / "out.onnx").exists(), error
    found = judge(source, str(tmp_path / "out.onnx"))
    if first_difference(found) is not None:  # this onnxruntime computes it in 8 bits
        assert "by onnxruntime's own optimisation: without it both models give the same values" in " ".join(error.split())


def test_a_broken_promise_writes_nothing(call, tmp_path: Path, save: Callable[..., str], parse: Callable[..., ModelProto],
                                         breaks: Callable[[float], None]) -> None:
    proto = parse(TEXT)
    proto.graph.doc_string = "what makes the result smaller" * 100
    save(proto)
    breaks(1e-3)
    status, _, error = call("strip", "model.onnx", "-o", "out.onnx", "-q")
    assert status == 1 and not (tmp_path / "out.onnx").exists()
    assert 'the steps lose nothing, but output "y" differs by more than rounding: 60.' in error and error.count("\n") == 1
    breaks(1e-6)
    assert call("strip", "model.onnx", "-o", "out.onnx", "-q")[0] == 0 and (tmp_path / "out.onnx").exists()
