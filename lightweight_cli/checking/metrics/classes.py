"""Which axis of an output counts classes, if one does: only there has "the same choice" a meaning."""

from __future__ import annotations

import re

import numpy as np

MOST_CLASSES = 1_000_000
SUM = 1e-2
"""How far from 1 the sum of a row of probabilities may be: float16 keeps 3 digits of each."""
UNIT = 1e-3
"""How far from 1 the length of an embedding may be that was brought to length 1."""
CLASSES = r"logit|prob|score|softmax|class|label|cls"
OTHERS = (r"embed|hidden|feat|state|pool|latent|vector|repr|box|landmark|keypoint|point|coord|anchor|mask|heat|map|mel|wave|audio|"
          r"image|depth|flow|offset|regress")
NO_SCORES = {"LayerNormalization", "SimplifiedLayerNormalization", "SkipLayerNormalization", "LpNormalization", "ReduceMean",
             "ReduceSum", "GlobalAveragePool", "GlobalMaxPool", "Tanh", "Relu", "Gelu", "LSTM", "GRU", "RNN"}
"""Operators that end a feature extractor or a hidden layer; nobody chooses the largest of what they give."""


def class_axis(values: np.ndarray, name: str = "", operator: str | None = None, classes: int | None = None) -> int | None:
    """Return the axis of a float output that counts classes; None: its values are no scores.

    The first rule that applies decides:
    1. `classes`: how many the labels scored this output by; 0: labels that are no classes.
    2. Rows that are probabilities, or logarithms of them, along the last axis or the second.
    3. The name, by the last word in it that tells: "logits", "scores" have classes; "embedding", "boxes", "hidden_state" have none.
    4. `operator`, which made the output: pooling, normalization, hidden layers give features; so do rows of length 1.
    5. One vector a sample, [n, c] or [n, c, 1, 1], is taken for scores; anything else (maps, sequences of hidden states) is not.
    """
    if values.ndim < 2 or not values.size or classes == 0:
        return None
    axes = [a for a in dict.fromkeys((values.ndim - 1, 1)) if 2 <= values.shape[a] <= MOST_CLASSES]
    if classes is not None:
        return next((a for a in axes if values.shape[a] == classes), None)
    likely = next((a for a in axes if is_distribution(values, a)), None)
    if likely is not None or not axes:
        return likely
    vector = values.ndim == 2 or all(d == 1 for d in values.shape[2:])
    told = by_name(name)
    if told is not None:
        return (1 if vector else axes[0] if values.ndim == 3 else None) if told else None
    return 1 if vector and operator not in NO_SCORES and not is_unit(values) else None


def by_name(name: str) -> bool | None:
    """Return whether a name speaks of classes; None: it does not tell."""
    found = re.findall(f"({CLASSES})|{OTHERS}", name.lower())
    return bool(found[-1]) if found else None


def is_distribution(values: np.ndarray, axis: int) -> bool:
    """Whether all rows along the axis that are finite throughout are probabilities, or logarithms of them."""
    rows = np.moveaxis(values, axis, -1).reshape(-1, values.shape[axis])
    rows = rows[np.isfinite(rows).all(1)].astype(np.float64)
    if not len(rows):
        return False
    if rows.max() <= SUM and rows.min() < -1:
        rows = np.exp(rows)
    return bool(rows.min() >= -SUM and np.all(np.abs(rows.sum(1) - 1) <= SUM))


def is_unit(values: np.ndarray) -> bool:
    """Whether every sample is a vector of length 1."""
    rows = values.reshape(len(values), -1).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.all(np.abs(np.einsum("ij,ij->i", rows, rows) - 1) <= UNIT))
