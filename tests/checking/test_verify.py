"""Two models on the same batches: what must hold, and what it cost."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import parser

from lightweight_cli.checking.verify import verify
from lightweight_cli.data.spool import Spool
from lightweight_cli.errors import BrokenPromise, InputError, UsageError
from lightweight_cli.runtime.sessions import interface, interface_difference, open_session

HEAD = '<ir_version: 10, opset_import: ["": 18]>\n'
LINEAR = HEAD + """agraph (float[N, 3] x) => (float[N, 2] y)
  <float[3, 2] W = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}> { y = MatMul(x, W) }"""
OTHER = LINEAR.replace("6.0", "6.25")


def save(path: Path, text: str, name: str = "model.onnx", **metadata: str) -> str:
    model = parser.parse_model(text)
    onnx.helper.set_model_props(model, metadata)
    (path / name).write_bytes(model.SerializeToString())
    return str(path / name)


def pair(path: Path, old: str, new: str) -> tuple[str, str]:
    return save(path, old, "old.onnx"), save(path, new, "new.onnx")


X = np.random.default_rng(1).standard_normal((50, 3)).astype(np.float32)
W = np.array([[1, 2], [3, 4], [5, 6]], np.float32)


def test_a_model_is_equal_to_itself(tmp_path: Path) -> None:
    found = verify(*pair(tmp_path, LINEAR, LINEAR))
    (output,) = found.outputs
    assert (output.name, output.max_error, output.sqnr, output.agreement) == ("y", 0, math.inf, None)
    assert found.synthetic and found.deterministic and not found.unverified and found.samples == 16
    assert found.latency and found.latency.rounds >= 3 and 0.2 < found.latency.ratio < 5


def test_figures_on_data(tmp_path: Path) -> None:
    np.savez(tmp_path / "val.npz", x=X)
    found = verify(*pair(tmp_path, LINEAR, OTHER), [str(tmp_path / "val.npz")], latency=False)
    old, new = X @ W, X @ (W + np.array([[0, 0], [0, 0], [0, 0.25]], np.float32))
    (output,) = found.outputs
    assert (found.batches, found.samples, found.synthetic, found.latency) == (2, 50, False, None)
    assert output.max_error == pytest.approx(np.abs(old - new).max(), rel=1e-4)
    assert output.sqnr == pytest.approx(10 * np.log10((old**2).sum() / ((old - new) ** 2).sum()), abs=1e-3)
    assert output.agreement == np.mean(old.argmax(1) == new.argmax(1))


def test_a_labelled_metric_and_its_interval(tmp_path: Path) -> None:
    labels = (X @ W).argmax(1)
    found = verify(*pair(tmp_path, LINEAR, OTHER), [{"x": X[:20]}, {"x": X[20:]}], labels, latency=False)
    assert found.metric is not None
    wrong = np.mean((X @ (W + np.array([[0, 0], [0, 0], [0, 0.25]]))).argmax(1) != labels)
    assert (found.metric.name, found.metric.reference, found.metric.samples) == ("top1", 1.0, 50)
    assert found.metric.drop == pytest.approx(wrong) and found.metric.low is not None and found.metric.high is not None
    assert found.metric.low <= found.metric.drop <= found.metric.high
    explicit = verify(*pair(tmp_path, LINEAR, OTHER), [{"x": X}], (X @ W), "rmse", latency=False)
    assert explicit.metric and explicit.metric.name == "rmse" and explicit.metric.drop > 0


def test_samples_may_lie_on_a_later_axis(tmp_path: Path) -> None:
    text = HEAD + "agraph (float[batch, 3, 5] x) => (float[3, batch, 5] y) { y = Transpose<perm = [1, 0, 2]>(x) }"
    scores = np.random.default_rng(0).random((3, 3, 5)).astype(np.float32)  # as many samples as steps
    found = verify(*pair(tmp_path, text, text), [{"x": scores}], scores.argmax(2), "edit", latency=False)
    assert found.metric and found.metric.reference == 1


def test_what_is_asked_for_must_be_there(tmp_path: Path) -> None:
    both = pair(tmp_path, LINEAR, LINEAR)
    with pytest.raises(InputError, match="needs labels"):
        verify(*both, [{"x": X}], metric="top1")
    with pytest.raises(InputError, match="labels need the data"):
        verify(*both, labels=np.zeros(3))
    with pytest.raises(UsageError, match="top9"):
        verify(*both, [{"x": X}], np.zeros(50), "top9")
    with pytest.raises(InputError, match="no such output; it has y"):
        verify(*both, [{"x": X}], np.zeros(50), "top1:output=z")
    with pytest.raises(InputError, match="top5 does not fit"):
        verify(*both, [{"x": X}], np.zeros(50, int), "top5")


@pytest.mark.parametrize(("text", "what"), [
    (LINEAR.replace("MatMul", "MadMul"), "MadMul"),
    (LINEAR.replace("(x, W)", "(x, V)"), "V"),
    (HEAD.replace("18", "999") + "agraph (float[1] x) => (float[1] y) { y = Identity(x) }", "999")])
def test_an_original_that_does_not_load(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(InputError) as caught:
        verify(*pair(tmp_path, text, LINEAR))
    said = str(caught.value)
    assert "the original model" in said and what in said and "\n" not in said and "ONNXRuntimeError" not in said


def test_files_that_are_no_models(tmp_path: Path) -> None:
    good = save(tmp_path, LINEAR)
    for name, content in (("gone", None), ("empty", b""), ("text", b"hello"), ("cut", Path(good).read_bytes()[:-9])):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError):
            verify(str(tmp_path / name), good)
        with pytest.raises(BrokenPromise):
            verify(good, str(tmp_path / name))


def test_an_original_that_does_not_run_on_the_data(tmp_path: Path) -> None:
    text = HEAD + "agraph (float[N] x, float[M] z) => (float[K] y) { y = Add(x, z) }"
    with pytest.raises(InputError, match="does not run on batch 0.*Add"):
        verify(*pair(tmp_path, text, text), [{"x": np.ones(2, "f"), "z": np.ones(3, "f")}])


@pytest.mark.parametrize(("new", "what"), [
    (LINEAR.replace("x)", "z)").replace("(x,", "(z,"), 'inputs lost "x", gained "z"'),
    (LINEAR.replace("y)", "q)").replace("y =", "q ="), 'outputs lost "y", gained "q"'),
    (LINEAR.replace("[N, 3] x", "[4, 3] x"), r"\[N, 3\] and became tensor\(float\) \[4, 3\]"),
    (LINEAR.replace("y = MatMul(x, W)", "t = MatMul(x, W) y = Log(t)"), "not finite"),
    (LINEAR.replace("y = MatMul", "y = MutMul"), "can't load"),
    (HEAD + "agraph (float[N, 3] x) => (float[N, 2] y) { a = Shape(x) b = Add(a, a) "
     "y = Reshape(x, b) }", "does not run on batch 0, where the original does")])
def test_broken_promises(tmp_path: Path, new: str, what: str) -> None:
    with pytest.raises(BrokenPromise, match=what) as caught:
        verify(*pair(tmp_path, LINEAR, new))
    assert "\n" not in str(caught.value)


def test_interfaces_are_compared_in_order(tmp_path: Path) -> None:
    two = HEAD + "agraph (float[2] a, float[2] b) => (float[2] y) { y = Sub(a, b) }"
    swapped = two.replace("(float[2] a, float[2] b)", "(float[2] b, float[2] a)")
    old, new = (interface(open_session(save(tmp_path, t, level="all"))) for t in (two, swapped))
    assert "another order" in str(interface_difference(old, new)) and interface_difference(old, old) is None


def test_another_shape_that_values_do_not_explain(tmp_path: Path) -> None:
    old = HEAD + "agraph (float[A, B] x) => (float[C, D] y) { y = Identity(x) }"
    new = HEAD + "agraph (float[A, B] x) => (float[C, D] y) { y = Transpose(x) }"
    with pytest.raises(BrokenPromise, match=r"had \[5, 3\] and has \[3, 5\]"):
        verify(*pair(tmp_path, old, new), [{"x": np.ones((5, 3), "f")}])


def test_a_shape_that_follows_values_may_differ(tmp_path: Path) -> None:
    old = HEAD + """agraph (float[N] x) => (int64[1, K] y) <float z = {0.0}> {
      r = Greater(x, z) y = NonZero(r) }"""
    new = old.replace("{0.0}", "{1.0}")
    (output,) = verify(*pair(tmp_path, old, new), [{"x": X.reshape(-1)}], latency=False).outputs
    assert output.sqnr is None and output.agreement is None and output.note and "not compared" in output.note


def test_random_operators_are_not_compared_by_value(tmp_path: Path) -> None:
    text = HEAD + "agraph (float[N, 3] x) => (float[N, 3] y) { r = RandomNormalLike(x) y = Add(x, r) }"
    found = verify(*pair(tmp_path, text, text), latency=False)
    assert not found.deterministic and found.unverified and found.sqnr is None and found.agreement is None


def test_sequences_and_scores_beside_labels(tmp_path: Path) -> None:
    text = HEAD + """agraph (float[N, 3] x) => (seq(float[M, 3]) s, int64[N] c) {
      one = Constant<value_int = 1>() s = SplitToSequence<axis = 0>(x, one) c = ArgMax<axis = 1, keepdims = 0>(x) }"""
    s, c = verify(*pair(tmp_path, text, text), latency=False).outputs
    assert s.sqnr == math.inf and c.sqnr is None and c.agreement == 1


def test_provenance(tmp_path: Path) -> None:
    old = save(tmp_path, LINEAR, "old.onnx")
    digest = hashlib.sha256(Path(old).read_bytes()).hexdigest()
    own = save(tmp_path, LINEAR, "own.onnx", **{"lwc.source": digest})
    foreign = save(tmp_path, LINEAR, "foreign.onnx", **{"lwc.source": "0" * 64})
    assert verify(old, own, latency=False).provenance is None
    assert "another model" in str(verify(old, foreign, latency=False).provenance)
    assert "no lwc provenance" in str(verify(old, old, latency=False).provenance)


def test_two_checks_find_the_same(tmp_path: Path) -> None:
    both = pair(tmp_path, LINEAR, OTHER)
    assert verify(*both, latency=False) == verify(*both, latency=False)
    assert verify(*both, latency=False) != verify(*both, latency=False, seed=1)


def test_a_large_batch_is_no_obstacle_to_latency(tmp_path: Path) -> None:
    text = HEAD + """agraph (float[N, 3] x) => (float[2, 3] y) <int64[2] s = {2, 3}> { y = Reshape(x, s) }"""
    found = verify(*pair(tmp_path, text, text), [{"x": np.ones((2, 3), "f")}])
    assert found.latency is not None


def test_external_data_is_found_beside_each_model(tmp_path: Path) -> None:
    model = parser.parse_model(LINEAR)
    paths = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        paths.append(str(tmp_path / name / "m.onnx"))
        onnx.save(model, paths[-1], save_as_external_data=True, location="w.bin", size_threshold=0)
        model = parser.parse_model(LINEAR)
    assert verify(*paths, latency=False).sqnr == math.inf


def test_a_spool_gives_back_what_it_got() -> None:
    items: list[Any] = [[np.full(100, i), None, [np.array(["a", "ü"], object)]] for i in range(20)]
    with Spool(limit=3000) as spool:
        for item in items:
            spool.append(item)
        assert spool.file is not None and 0 < len(spool.kept) < 20 and len(spool) == 20
        for _ in range(2):
            for got, want in zip(spool, items, strict=True):
                assert np.array_equal(got[0], want[0]) and got[2][0][1] == "ü"


def test_outputs_with_signalling_nan_and_the_largest_float64_are_compared(tmp_path: Path) -> None:
    text = HEAD + "agraph (float[N, 2] x, double[N, 2] z) => (float[N, 2] y, double[N, 2] u) { y = Identity(x)  u = Identity(z) }"
    x = np.array([[0x7F800001, 0x3F800000], [0x3F800000, 0xFF812345]], np.uint32).view(np.float32)
    batch = {"x": x, "z": np.full((2, 2), 1.7e308)}
    found = verify(*pair(tmp_path, text, text), [batch], latency=False)
    assert found.outputs[0].finite == 0.5 and found.outputs[0].max_error == 0
    assert found.outputs[1].max_error == 0
