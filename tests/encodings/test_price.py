"""Prices before there are codes are those of what is written."""

from __future__ import annotations

import numpy as np
import pytest
from encoding_models import coded
from onnx import TensorProto

from lightweight_cli.encodings import choose
from lightweight_cli.encodings.price import price
from lightweight_cli.weights.emission import Emission


@pytest.mark.parametrize("groups", [None, (1, 200, 300), (200, 300, 1)])
@pytest.mark.parametrize("step", [0.1, 0.4, 1.5])
def test_a_price_is_what_is_written(groups, step):
    random = np.random.default_rng(0)
    codes = np.rint(random.standard_normal(60_000) / step).clip(-127, 127).astype(np.int8)
    counts = np.bincount(codes.astype(int) + 128, minlength=256)
    scales = (1, 1, 1) if groups is None else (groups[0], 1, groups[2])
    scale = (random.random(scales) + 0.5).astype(np.float32 if groups is None else np.float16)
    values = coded(codes, (200, 300), groups=groups or (1, 60_000, 1), scale=scale)
    values = values.folded() or values
    written = min(choose.for_codes(lambda label: Emission(17, label=label), values, "W"), key=lambda e: e.nbytes)
    assert price(counts, (200, 300), groups, name="W") == written.nbytes


def test_what_has_no_price_is_refused():
    with pytest.raises(ValueError, match="300 different codes: at most 256"):
        price(np.ones(300, int), (300,))
    with pytest.raises(ValueError, match="counts of 4 codes for 5 weights"):
        price(np.array([4]), (5,), dtype=TensorProto.FLOAT)
