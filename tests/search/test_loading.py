"""What the search takes forms to need at load is what the encodings will count."""

from __future__ import annotations

import numpy as np
import pytest

from lightweight_cli.encodings import choose
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.model.blobs import Blob
from lightweight_cli.search.loading import forms
from lightweight_cli.weights.emission import Emission

ROWS, COLUMNS = 400, 304


@pytest.mark.parametrize("step", [0.25, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("by_rows", [False, True])
def test_forms_are_those_of_emissions(step: float, by_rows: bool) -> None:
    codes = np.rint(np.random.default_rng(0).standard_normal(ROWS * COLUMNS) / step).astype(int)
    counts, size = np.bincount(codes - codes.min()), codes.size
    values = (np.arange(counts.size) * 0.1).astype(np.float32)
    flat = (codes - codes.min()).astype(np.uint8)
    stored = Coded((ROWS, COLUMNS), 1, (1, size, 1), Blob(size, data=memoryview(flat)), 0, counts.size, 0, None, codebook=values)
    made = {e.label: e for e in choose.emissions(lambda label: Emission(17, label=label), stored, "W", choose.DEFAULT, choose.TREES)}
    found = forms(counts, by_rows)
    trees = [e for label, e in made.items() if label.startswith("tree of")]
    assert len(trees) >= 3 and len(found) - len(trees) == (2 if by_rows else 1), "packed too, by rows in planes"
    for form, emission in zip(found[-len(trees) :], trees, strict=True):
        taken = emission.load_bytes - (emission.left_to_rows if by_rows else 0)
        assert form.nbytes == pytest.approx(emission.nbytes, rel=0.03)
        assert form.load_bytes == pytest.approx(taken, abs=2 * size)
