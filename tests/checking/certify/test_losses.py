"""Losses of many trials on the same rows: as a certificate has them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lightweight_cli.checking.certify.budget import Budget
from lightweight_cli.checking.certify.certify import certify
from lightweight_cli.checking.certify.held import Held
from lightweight_cli.checking.certify.losses import Losses, decibels
from lightweight_cli.data.batches import Batch
from lightweight_cli.runtime.sessions import Interface, Port

RNG = np.random.default_rng(0)
FEED = Port("x", "tensor(float)", ("n", 2))
SCORES = RNG.normal(0, 5, (12, 10)).astype(np.float32)
CHANCES = np.exp(SCORES) / np.exp(SCORES).sum(1, keepdims=True)


def batches(values: np.ndarray) -> list[list[np.ndarray]]:
    return [[values[:8]], [values[8:]]]


def held(values: np.ndarray, shape: tuple = ("n", 10)) -> Held:
    found = Held(Interface((FEED,), (Port("y", "tensor(float)", shape),), ()))
    for part in batches(values):
        found.add(Batch({"x": np.zeros((len(part[0]), 2), np.float32)}, len(part[0]), ("x",)), part)
    return found


@pytest.mark.parametrize(("values", "scale"), [
    (SCORES, 1), (CHANCES, 1), (RNG.normal(size=(12, 3, 5, 7)).astype(np.float32), 1), (SCORES.astype(np.float64), 1e100),
    (np.where(SCORES > 9, np.inf, SCORES), 1)], ids=["logits", "probabilities", "maps", "double, huge", "infinite"])
def test_they_are_those_of_a_certificate(values: np.ndarray, scale: float) -> None:
    values = values * values.dtype.type(scale)
    rows = held(values, ("n", *values.shape[1:]))
    for size in (0.3, 1e-3):
        other = (values * (1 + size * RNG.random(values.shape))).astype(values.dtype)
        expected = certify(rows, batches(other), rows.goal(Budget())).sqnr
        assert decibels(Losses(rows).of(batches(other))) == pytest.approx(expected, abs=2e-2)
    assert Losses(rows).of(batches(values)) == 0 and decibels(0) == math.inf


def test_what_is_no_number_or_of_another_shape_loses_everything() -> None:
    rows = Losses(held(SCORES))
    assert rows.of(batches(np.where(SCORES == SCORES[3, 3], np.nan, SCORES))) == math.inf == rows.of(batches(SCORES[:, :9]))
