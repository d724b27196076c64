"""Train a small MLP on the Wisconsin breast cancer table.

Usage: python -m sample_models.cancer_mlp.train
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from torch import Tensor, nn

from sample_models.publish import Card, Feed, Split, deterministic, publish

HERE = Path(__file__).parent
SEED = 1
STEPS, RATE = 200, 3e-3  # each step sees all training rows
EVALUATION_ROWS, CALIBRATION_ROWS = 200, 50

CARD = Card(
    task="malignant (1) or benign (0) from 30 measurements of cell nuclei",
    metric="F1",
    data="Breast Cancer Wisconsin, Diagnostic (Wolberg, Mangasarian, Street, Street, 1995, UCI), a random split",
    data_package="PyPI: scikit-learn 1.9.1, load_breast_cancer",
    data_licence="CC BY 4.0",
)


class CancerMlp(nn.Module):
    """Measurements in their own units, float [batch, 30] -> logits [batch, 2]."""

    mean: Tensor  # [30]
    scale: Tensor  # [30]

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.layers = nn.Sequential(
            nn.Linear(30, 96), nn.ReLU(), nn.Dropout(0.3), nn.Linear(96, 64), nn.ReLU(), nn.Linear(64, 2)
        )

    def forward(self, measurements: Tensor) -> Tensor:
        """Classify a batch of rows."""
        return self.layers((measurements - self.mean) / self.scale)


def train(data: Split) -> CancerMlp:
    """Train with AdamW on all rows at once."""
    deterministic(SEED)
    rows, labels = torch.from_numpy(data.inputs), torch.from_numpy(data.labels)
    network = CancerMlp(rows.mean(dim=0), rows.std(dim=0))
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0.1)
    for _ in range(STEPS):
        loss = nn.functional.cross_entropy(network(rows), labels, label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


def main() -> None:
    """Split the table at random, train, publish."""
    table = load_breast_cancer()
    order = np.random.default_rng(SEED).permutation(len(table.target))
    inputs = table.data[order].astype(np.float32)
    labels = (table.target[order] == 0).astype(np.int64)  # the package codes malignant as 0
    evaluation = Split(inputs[:EVALUATION_ROWS], labels[:EVALUATION_ROWS])
    calibration = inputs[EVALUATION_ROWS : EVALUATION_ROWS + CALIBRATION_ROWS]
    training = Split(inputs[EVALUATION_ROWS + CALIBRATION_ROWS :], labels[EVALUATION_ROWS + CALIBRATION_ROWS :])
    publish(HERE, train(training), Feed("measurements", np.float32), evaluation, calibration, CARD)


if __name__ == "__main__":
    main()
