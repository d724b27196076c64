"""Train a small residual CNN on Fashion-MNIST.

Usage: python -m sample_models.fashion_cnn.train FOLDER_WITH_UBYTE_GZ
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from sample_models.publish import Card, Feed, Split, deterministic, publish

HERE = Path(__file__).parent
SEED = 1
EPOCHS, BATCH, PEAK_RATE = 6, 128, 4e-3
CALIBRATION_POOL, CALIBRATION_ROWS = 1000, 128  # the last training images: used for neither training nor evaluation
EVALUATION_ROWS = 1000
PIXEL_MEAN, PIXEL_STD = 73.0, 90.0  # of the training images, 0..255

CARD = Card(
    task="10 kinds of clothing from a 28x28 grey image",
    metric="top-1",
    data="Fashion-MNIST (Zalando SE, 2017), test split",
    data_package="Debian: dataset-fashion-mnist 0.0~git20200523",
    data_licence="MIT",
)


class Residual(nn.Module):
    """Two 3x3 convolutions around a skip connection."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block: float [batch, channels, height, width] in and out."""
        return torch.relu(x + self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x))))))


class FashionCnn(nn.Module):
    """Pixels 0..255, float [batch, 1, 28, 28] -> logits [batch, 10]."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_stage(1, 24),  # 14x14
            *_stage(24, 48),  # 7x7
            Residual(48),
            *_stage(48, 96),  # 3x3
        )
        self.hidden = nn.Linear(96 * 3 * 3, 64)
        self.dropout = nn.Dropout(0.3)
        self.classify = nn.Linear(64, 10)

    def forward(self, image: Tensor) -> Tensor:
        """Classify a batch of images."""
        features = self.features((image - PIXEL_MEAN) / PIXEL_STD).flatten(1)
        return self.classify(self.dropout(torch.relu(self.hidden(features))))


def _stage(channels: int, filters: int) -> list[nn.Module]:
    convolution = nn.Conv2d(channels, filters, 3, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(filters), nn.ReLU(), nn.MaxPool2d(2)]


def read(folder: Path, split: str) -> Split:
    """Read one split: uint8 images [rows, 1, 28, 28] and labels."""
    with gzip.open(folder / f"{split}-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    with gzip.open(folder / f"{split}-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8).astype(np.int64)
    return Split(images, labels)


def train(data: Split) -> FashionCnn:
    """Train with AdamW, a one-cycle rate and horizontal flips."""
    deterministic(SEED)
    network = FashionCnn()
    images, labels = torch.from_numpy(data.inputs.astype(np.float32)), torch.from_numpy(data.labels)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.05)
    steps = len(images) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, epochs=EPOCHS, steps_per_epoch=steps)
    for epoch in range(EPOCHS):
        order = torch.randperm(len(images))[: steps * BATCH]
        for rows in order.split(BATCH):
            batch = images[rows]
            batch = torch.where(torch.rand(len(rows), 1, 1, 1) < 0.5, batch, batch.flip(3))
            loss = nn.functional.cross_entropy(network(batch), labels[rows], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1} of {EPOCHS}: last loss {loss.item():.3f}", flush=True)
    return network


def main(folder: Path) -> None:
    """Train on the training split, publish with test images."""
    everything, test = read(folder, "train"), read(folder, "t10k")
    training = Split(everything.inputs[:-CALIBRATION_POOL], everything.labels[:-CALIBRATION_POOL])
    chosen = np.sort(np.random.default_rng(SEED).choice(len(test.labels), EVALUATION_ROWS, replace=False))
    calibration = everything.inputs[-CALIBRATION_ROWS:]
    evaluation = Split(test.inputs[chosen], test.labels[chosen])
    publish(HERE, train(training), Feed("image", np.float32), evaluation, calibration, CARD)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
