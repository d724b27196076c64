"""Write a trained network and its data as the files of one sample model.

A sample is `model.onnx`, `eval.npz` (inputs and `labels`), `calib.npz` (inputs only) and `card.json`.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch

OPSET = 17
IR_VERSION = 8
EVAL_BATCH = 64


@dataclass(frozen=True)
class Card:
    """What the network does, and where its data come from."""

    task: str
    metric: str  # "top-1" or "F1" (of class 1)
    data: str
    data_package: str
    data_licence: str


@dataclass(frozen=True)
class Feed:
    """Name and type of the model's one input."""

    name: str
    dtype: type[np.generic]


@dataclass(frozen=True)
class Split:
    """Rows in the type they are stored in, and the class of each."""

    inputs: np.ndarray  # [rows, ...]
    labels: np.ndarray  # int64 [rows]


def deterministic(seed: int) -> None:
    """Make a training run repeatable: one thread, fixed seeds."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(seed)


def publish(
    folder: Path,
    network: torch.nn.Module,
    feed: Feed,
    evaluation: Split,
    calibration: np.ndarray,
    card: Card,
) -> None:
    """Write the four files of a sample and measure the model that was written.

    Rows are stored as they come, often narrower than the model's input (uint8 pixels, uint16 token ids).

    Raises: ValueError when calibration and evaluation share a row.
    """
    if {row.tobytes() for row in calibration} & {row.tobytes() for row in evaluation.inputs}:
        raise ValueError(f"{folder.name}: calibration and evaluation data overlap")
    labelled: dict[str, Any] = {feed.name: evaluation.inputs, "labels": evaluation.labels}
    unlabelled: dict[str, Any] = {feed.name: calibration}
    np.savez_compressed(folder / "eval.npz", **labelled)
    np.savez_compressed(folder / "calib.npz", **unlabelled)
    parameters = _export(network, feed, evaluation.inputs[:1], folder / "model.onnx")
    predicted = _predict(folder / "model.onnx", feed, evaluation.inputs)
    value = {"top-1": _top1, "F1": _f1}[card.metric](predicted, evaluation.labels)
    facts = {
        "value": round(value, 4),
        "rows": len(evaluation.labels),
        "parameters": parameters,
        "bytes": (folder / "model.onnx").stat().st_size,
    }
    (folder / "card.json").write_text(json.dumps(asdict(card) | facts, indent=2) + "\n", encoding="utf-8")
    print(f"{folder.name}: {card.metric} {facts['value']} on {facts['rows']} rows, {facts['bytes']} bytes")


def _export(network: torch.nn.Module, feed: Feed, row: np.ndarray, path: Path) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the other exporter of torch needs onnxscript
        warnings.filterwarnings("ignore", "Exporting a model to ONNX with a batch_size")  # _predict runs other sizes
        torch.onnx.export(
            network.eval(),
            (torch.from_numpy(row.astype(feed.dtype)),),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=[feed.name],
            output_names=["logits"],
            dynamic_axes={feed.name: {0: "batch"}, "logits": {0: "batch"}},
        )
    model = onnx.load(path)
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return sum(int(np.prod(tensor.dims)) for tensor in model.graph.initializer)


def _predict(path: Path, feed: Feed, rows: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    batches = [rows[start : start + EVAL_BATCH].astype(feed.dtype) for start in range(0, len(rows), EVAL_BATCH)]
    return np.concatenate([session.run(None, {feed.name: batch})[0] for batch in batches]).argmax(axis=1)


def _top1(predicted: np.ndarray, labels: np.ndarray) -> float:
    return float((predicted == labels).mean())


def _f1(predicted: np.ndarray, labels: np.ndarray) -> float:
    hits = int(((predicted == 1) & (labels == 1)).sum())
    return 2 * hits / (int((predicted == 1).sum()) + int((labels == 1).sum()))
