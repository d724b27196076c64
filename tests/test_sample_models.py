"""The sample models run, score what their cards state, and keep their data apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

SAMPLES = Path(__file__).parent.parent / "sample_models"
NAMES = sorted(path.parent.name for path in SAMPLES.glob("*/card.json"))
MEGABYTE = 1_000_000
TOLERANCE = 0.005  # another processor may round differently and turn a few of the rows
ATOL = 1e-4  # of logits, between batch sizes
MINIMUM = {"fashion_cnn": 0.90, "sotu_gru": 0.85, "cancer_mlp": 0.93}
STORED = {"fashion_cnn": np.uint8, "sotu_gru": np.uint16, "cancer_mlp": np.float32}
NUMPY_TYPE = {"tensor(float)": np.float32, "tensor(int64)": np.int64}


def open_sample(name: str) -> tuple[Any, str, np.ndarray, np.ndarray]:
    """Returns: session, input name, evaluation rows in the input's type, labels."""
    import onnxruntime as ort

    session = ort.InferenceSession(str(SAMPLES / name / "model.onnx"), providers=["CPUExecutionProvider"])
    (feed,) = session.get_inputs()
    with np.load(SAMPLES / name / "eval.npz") as data:
        assert set(data.files) == {feed.name, "labels"}
        return session, feed.name, data[feed.name].astype(NUMPY_TYPE[feed.type], casting="safe"), data["labels"]


def score(metric: str, predicted: np.ndarray, labels: np.ndarray) -> float:
    if metric == "top-1":
        return float((predicted == labels).mean())
    precision = (labels[predicted == 1] == 1).mean()
    recall = (predicted[labels == 1] == 1).mean()
    return float(2 * precision * recall / (precision + recall))


def test_all_samples_are_found() -> None:
    assert set(NAMES) == set(MINIMUM)


@pytest.mark.parametrize("name", NAMES)
def test_metric_is_the_stated_one(name: str) -> None:
    card = json.loads((SAMPLES / name / "card.json").read_text(encoding="utf-8"))
    session, feed, rows, labels = open_sample(name)
    (logits,) = session.run(["logits"], {feed: rows})
    assert logits.shape[0] == len(labels) == card["rows"]
    assert set(labels) == set(range(logits.shape[1]))
    value = score(card["metric"], logits.argmax(axis=1), labels)
    assert value == pytest.approx(card["value"], abs=TOLERANCE)
    assert value >= MINIMUM[name]


@pytest.mark.parametrize("name", NAMES)
def test_batch_size_is_free(name: str) -> None:
    session, feed, rows, _ = open_sample(name)
    (together,) = session.run(None, {feed: rows[:5]})
    apart = np.concatenate([session.run(None, {feed: rows[i : i + 1]})[0] for i in range(5)])
    np.testing.assert_allclose(together, apart, atol=ATOL)


@pytest.mark.parametrize("name", NAMES)
def test_files_are_small(name: str) -> None:
    card = json.loads((SAMPLES / name / "card.json").read_text(encoding="utf-8"))
    assert (SAMPLES / name / "model.onnx").stat().st_size == card["bytes"]
    for file in ("model.onnx", "eval.npz", "calib.npz"):
        assert (SAMPLES / name / file).stat().st_size < MEGABYTE


@pytest.mark.parametrize("name", NAMES)
def test_model_is_plain_float32(name: str) -> None:
    model = onnx.load(SAMPLES / name / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert (model.ir_version, [(opset.domain, opset.version) for opset in model.opset_import]) == (8, [("", 17)])
    assert {tensor.data_type for tensor in model.graph.initializer} == {onnx.TensorProto.FLOAT}
    weight_bytes = sum(len(tensor.raw_data) for tensor in model.graph.initializer)
    assert weight_bytes > 0.9 * model.ByteSize()


@pytest.mark.parametrize("name", NAMES)
def test_calibration_and_evaluation_do_not_overlap(name: str) -> None:
    _, feed, _, _ = open_sample(name)
    with np.load(SAMPLES / name / "calib.npz") as data:
        assert data.files == [feed]
        calibration = data[feed]
    with np.load(SAMPLES / name / "eval.npz") as data:
        evaluation = data[feed]
    assert calibration.dtype == evaluation.dtype == STORED[name]
    assert calibration.shape[1:] == evaluation.shape[1:]
    rows = {row.tobytes() for row in evaluation}
    assert len(calibration) >= 50
    assert not any(row.tobytes() in rows for row in calibration)


def test_token_ids_are_in_the_vocabulary() -> None:
    words = (SAMPLES / "sotu_gru" / "vocabulary.txt").read_text(encoding="utf-8").splitlines()
    _, _, token_ids, _ = open_sample("sotu_gru")
    model = onnx.load(SAMPLES / "sotu_gru" / "model.onnx")
    rows_of_embedding = next(tensor.dims[0] for tensor in model.graph.initializer if tensor.name == "embed.weight")
    assert len(words) == len(set(words)) == rows_of_embedding
    assert token_ids.max() < rows_of_embedding
    assert "congress" in words


@pytest.mark.parametrize("name", NAMES)
def test_readme_states_the_card(name: str) -> None:
    card = json.loads((SAMPLES / name / "card.json").read_text(encoding="utf-8"))
    (row,) = [line for line in (SAMPLES / "README.md").read_text(encoding="utf-8").splitlines() if f"[{name}]" in line]
    measured = [f"{card['bytes']:,}", f"{card['metric']} {card['value']:.4f}", f"{card['rows']:,}"]
    assert set(measured + [card["data_licence"]]) <= {cell.strip() for cell in row.split("|")}
