"""Losses run in onnxruntime against their formulas; the scores before a softmax are found, whatever stands behind them."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from lightweight_cli.distillation.loss import LABELS, LOSS, Loss, given
from lightweight_cli.distillation.scores import Learned, before_softmax, learned

R = np.random.default_rng(0)
S, T = R.standard_normal((5, 4)).astype(np.float32), R.standard_normal((5, 4)).astype(np.float32)


def log_softmax(x: np.ndarray) -> np.ndarray:
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def divergence(s: np.ndarray, t: np.ndarray, temperature: float) -> float:
    p, q = log_softmax(t / temperature), log_softmax(s / temperature)
    return float((np.exp(p) * (p - q)).sum(-1).mean() * temperature**2)


def found(one: Learned, s: np.ndarray, t: np.ndarray, alpha: float = 0.0, labels: np.ndarray | None = None, opset: int = 11) -> float:
    kind = f"float[{','.join(map(str, s.shape))}]"
    model = onnx.parser.parse_model(f'<ir_version: 6, opset_import: ["" : {opset}]> g ({kind} x) => ({kind} y) {{ y = Identity (x) }}')
    Loss(model, 3.0).add([one], {one.teacher: t}, alpha, None if labels is None else 0)
    del model.graph.output[:]
    model.graph.output.append(onnx.ValueInfoProto(name=LOSS))
    feed = {"x": s, given(0): t, **({} if labels is None else {LABELS: labels})}
    (loss,) = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, feed)
    assert loss.shape == ()
    return float(loss)


@pytest.mark.parametrize("opset", [11, 13, 18])
def test_scores(opset):
    assert found(Learned("y", "y", "y", "scores"), S, T, opset=opset) == pytest.approx(divergence(S, T, 3), rel=1e-4)
    maps = [np.moveaxis(x.reshape(1, 5, 1, 4), -1, 1) for x in (S, T)]
    assert found(Learned("y", "y", "y", "scores", 1), *maps, opset=opset) == pytest.approx(divergence(S, T, 3), rel=1e-4)


def test_probabilities_are_learned_as_their_logarithms():
    p, q = np.exp(log_softmax(T)), np.exp(log_softmax(S))
    assert found(Learned("y", "y", "y", "probabilities"), q, p) == pytest.approx(divergence(S, T, 3), rel=1e-3)


def test_values_and_shares():
    assert found(Learned("y", "y", "y", "values"), S, T) == pytest.approx(float(np.square(S - T).mean() / T.var()), rel=1e-4)
    a, b = 1 / (1 + np.exp(-S)), 1 / (1 + np.exp(-T))
    expected = b * np.log(b / a) + (1 - b) * np.log((1 - b) / (1 - a))
    assert found(Learned("y", "y", "y", "shares"), a, b) == pytest.approx(float(expected.mean()), rel=1e-3)


@pytest.mark.parametrize(("kind", "expected"), [
    ("values", lambda s, t: np.square(s - t).mean() / t.var()), ("scores", lambda s, t: divergence(s, t, 3)),
])
@pytest.mark.parametrize("opset", [11, 18])
def test_padding_counts_nothing(kind, expected, opset):
    s, t = (R.standard_normal((2, 5, 4)).astype(np.float32) for _ in range(2))
    mask = np.array([[1, 1, 1, 0, 0], [1, 0, 0, 0, 0]])
    model = onnx.parser.parse_model(f'''<ir_version: 6, opset_import: ["" : {opset}]>
        g (float[2,5,4] x, int64[2,5] attention_mask) => (float[2,5,4] y) {{ y = Identity (x) }}''')
    Loss(model, 3.0, ("attention_mask", mask)).add([Learned("y", "y", "y", kind)], {"y": t}, 0.0, None)
    del model.graph.output[:]
    model.graph.output.append(onnx.ValueInfoProto(name=LOSS))
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (loss,) = session.run(None, {"x": s, given(0): t, "attention_mask": mask})
    assert float(loss) == pytest.approx(float(expected(s[mask != 0], t[mask != 0])), rel=1e-4)


def test_labels_have_their_weight():
    hot = np.eye(4, dtype=np.float32)[[0, 1, 2, 3, 0]]
    expected = 0.75 * divergence(S, T, 3) + 0.25 * float(-(hot * log_softmax(S)).sum(-1).mean())
    assert found(Learned("y", "y", "y", "scores"), S, T, 0.25, hot) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("tail", "opset", "where"), [
    ("y = Softmax (a)", 17, ("a", -1)),
    ("b = LogSoftmax <axis = 2> (a) c = Identity (b) y = Transpose (c)", 17, ("a", 2)),
    ("y = Softmax (a)", 11, ("a", 1)),
    ("y = Relu (a)", 17, ("y", None)),
    ("b = Softmax (a) y = Relu (b)", 17, ("y", None)),
])
def test_what_stands_before_a_softmax(tail, opset, where):
    head = f'<ir_version: 8, opset_import: ["" : {opset}]> g (float[n,4] x) => (float[n,4] y)'
    model = onnx.parser.parse_model(f"{head} {{ a = Neg (x) {tail} }}")
    assert before_softmax(model, "y") == where


def test_how_an_output_is_learned():
    none = ("y", None)
    assert learned("y", ("a", 1), ("b", -1), T, "Softmax") == Learned("y", "a", "b", "scores", 1)
    assert learned("y", ("a", 1), none, np.exp(log_softmax(T)), None).kind == "probabilities"
    assert learned("logits", none, none, T, "Gemm") == Learned("logits", "logits", "logits", "scores", 1)
    assert learned("embedding", none, none, T, "Gemm").kind == "values"
    assert learned("mask", none, none, R.random((2, 1, 4, 4), np.float32), "Sigmoid").kind == "shares"
