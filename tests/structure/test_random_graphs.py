"""Random models: whatever ties their channels, a cut is exactly the model with those channels masked."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structure.masking import cut_and_masked
from structure.random_graphs import random_model

EXACT = 1 << 24
"""Whole numbers up to which float32 is exact."""


def agree(seed: int, share: float, folder: str) -> int:
    """Cut a random model and compare. Returns: the channels that went."""
    proto = random_model(seed)
    path = f"{folder}/model.onnx"
    onnx.save(proto, path)
    result, masked, gone = cut_and_masked(path, f"{folder}/cut", share, seed)
    onnx.checker.check_model(result, full_check=True)
    feed = {"x": np.random.default_rng(seed).integers(-2, 3, (2, 3, 4, 4)).astype(np.float32)}
    expected, found = (ort.InferenceSession(m, providers=["CPUExecutionProvider"]).run(None, feed)[0]
                       for m in (masked.SerializeToString(), result))
    assert np.abs(expected).max() < EXACT
    assert np.array_equal(expected, found)
    return gone


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1 << 20), share=st.sampled_from([0.2, 0.5, 0.9]))
def test_a_cut_is_the_masked_model(tmp_path_factory, seed, share):
    agree(seed, share, str(tmp_path_factory.mktemp("random")))


@pytest.mark.slow
def test_hundreds_of_them(tmp_path_factory):
    gone = [agree(seed, 0.5, str(tmp_path_factory.mktemp("random"))) for seed in range(600)]
    assert sum(g > 0 for g in gone) > 400
