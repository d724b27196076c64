"""Rows that are held out are in no sum, and both models hold out the same."""

from __future__ import annotations

import numpy as np
import pytest

HEAD = '<ir_version: 8, opset_import: ["" : 17]>'
MATMUL = f"{HEAD} g (float[N,24] x) => (float[N,4] y) <float[24,24] V, float[24,4] W> {{ a = MatMul (x, V)  y = MatMul (a, W) }}"


@pytest.mark.parametrize("count", [100, 1300])  # four batches, of which rows are held out; 41, of which batches are
def test_held_out_rows_are_in_no_sum(count, save, calibrate):
    x = np.random.default_rng(3).standard_normal((count, 24)).astype(np.float32)
    seen = calibrate(save(MATMUL), {"x": x}, held_out=True)["V"]
    assert seen.moments.n + seen.held.rows.shape[1] == count and seen.held.original is None
    assert 0.15 * count <= seen.held.rows.shape[1] <= 0.25 * count
    held = {row.tobytes() for row in seen.held.rows[0]}
    rest = np.stack([row for row in x if row.tobytes() not in held]).astype(np.float64)
    assert len(rest) == seen.moments.n and np.allclose(seen.moments.S[0], rest.T @ rest / len(rest), rtol=1e-6)


def test_rows_of_both_models_belong_together(save, calibrate):
    x = np.random.default_rng(3).standard_normal((200, 24)).astype(np.float32)
    seen = calibrate(save(MATMUL), {"x": x}, lambda name, w: 2 * w, held_out=True)["W"]
    assert np.allclose(seen.held.rows, 2 * seen.held.original, rtol=1e-5)


def test_none_are_held_out_unless_asked_for(save, calibrate):
    x = np.ones((200, 24), np.float32)
    assert calibrate(save(MATMUL), {"x": x})["V"].held is None


def test_padding_is_in_no_sum(save, calibrate):
    text = f"""{HEAD} g (float[N,S,24] x, int64[N,S] attention_mask) => (float[N,S,4] y, float[N,S] m) <float[24,4] W> {{
        y = MatMul (x, W)  m = Cast <to = 1> (attention_mask) }}"""
    random = np.random.default_rng(3)
    x, mask = random.standard_normal((40, 6, 24)).astype(np.float32), (np.arange(6)[None] < random.integers(2, 7, (40, 1))).astype(np.int64)
    for options in ({}, {"walk": lambda name, w: w}):
        seen = calibrate(save(text), {"x": x, "attention_mask": mask}, **options)["W"]
        rows = x[mask > 0].astype(np.float64)
        assert seen.moments.n == len(rows) and np.allclose(seen.moments.S[0], rows.T @ rows / len(rows), rtol=1e-6)
