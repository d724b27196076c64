"""Where an output's classes are, or that it has none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import parser

from lightweight_cli.checking.metrics.agreement import Agreement
from lightweight_cli.checking.metrics.classes import by_name, class_axis
from lightweight_cli.checking.verify import verify

RANDOM = np.random.default_rng(0)


def scores(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape).astype(np.float32)


def softmax(values: np.ndarray, axis: int) -> np.ndarray:
    e = np.exp(values - values.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


@pytest.mark.parametrize(("values", "name", "axis"), [
    (scores(8, 10), "y", 1), (scores(8, 10, 1, 1), "y", 1), (scores(8), "y", None), (scores(8, 1), "score", None),
    (softmax(scores(2, 7, 5), -1), "y", 2), (np.log(softmax(scores(2, 7, 5), -1)), "y", 2),
    (softmax(scores(2, 5, 4, 4), 1), "y", 1), (softmax(scores(2, 4, 4, 5), 3).astype(np.float16), "y", 3),
    (scores(2, 3, 16, 16), "image", None), (scores(2, 7, 384), "last_hidden_state", None), (scores(2, 7, 384), "y", None),
    (scores(2, 7, 30), "logits", 2), (scores(2, 384), "sentence_embedding", None), (scores(6, 4), "boxes", None),
    (scores(6, 4), "box_scores", 1), (scores(6, 4), "cls_embedding", None), (scores(0, 4), "y", None)])
def test_the_axis_of_classes(values: np.ndarray, name: str, axis: int | None) -> None:
    assert class_axis(values, name) == axis


def test_labels_and_operators_and_unit_vectors_tell() -> None:
    values = scores(4, 6, 30)
    assert class_axis(values, "y", classes=30) == 2 and class_axis(values, "y", classes=6) == 1
    assert class_axis(scores(4, 6), "logits", classes=0) is None  # the labels are numbers, not classes
    assert class_axis(scores(4, 6), "y", "LayerNormalization") is None and class_axis(scores(4, 6), "y", "Gemm") == 1
    units = scores(4, 384)
    assert class_axis(units / np.linalg.norm(units, axis=1, keepdims=True), "y") is None


def test_the_last_word_of_a_name_counts() -> None:
    assert by_name("Logits") is True and by_name("pooler_output") is False and by_name("616") is None


def test_rows_in_which_nothing_is_chosen_are_left_out() -> None:
    running = Agreement("y")
    nan = np.full((3, 4), np.nan, np.float32)
    running.update(nan, nan)
    assert running.value() is None  # not 1: nothing was compared
    x = scores(3, 4)
    x[0] = np.nan
    x[1, :3] = -np.inf
    y = x.copy()
    y[2] = -y[2]
    running.update(x, y)
    assert running.value() == 0.5


def test_nchw_scores_and_hidden_states(tmp_path: Path) -> None:
    def saved(name: str, sign: str) -> str:
        text = f"""<ir_version: 10, opset_import: ["": 18]> agraph (float[N, 5] x) => (float[N, 5, 1, 1] y, float[N, 1, 5] h)
          <int64[2] a = {{2, 3}}, int64[1] b = {{1}}, float[5] s = {{1.0, {sign}1.0, 1.0, 1.0, 1.0}}> {{
          t = Mul(x, s) y = Unsqueeze(t, a) h = Unsqueeze(t, b) }}"""
        (tmp_path / name).write_bytes(parser.parse_model(text).SerializeToString())
        return str(tmp_path / name)

    x = scores(64, 5)
    y, h = verify(saved("old", ""), saved("new", "-"), [{"x": x}], latency=False).outputs
    other = x * np.array([1, -1, 1, 1, 1], np.float32)
    assert y.agreement == np.mean(x.argmax(1) == other.argmax(1)) < 1
    assert h.agreement is None and h.sqnr is not None
