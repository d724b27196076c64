"""Calibration on real models, where there are any: `out/models` and the folders that LWC_ZOO names hold MODEL/model.onnx.

Inputs are in calib_feeds.npz beside the model, in its test_data_set_N, or what `feeds` of its eval.py yields.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from corpus.models import fetched_models

from lightweight_cli.calibration.calibration import Calibration
from lightweight_cli.data.portion import Portion
from lightweight_cli.model.load import load
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.weights.matrix import NoMatrix, matrix_of
from lightweight_cli.weights.search import find_weights

ZOO = [p for folder in os.environ.get("LWC_ZOO", "").split(os.pathsep) if folder for p in sorted(Path(folder).glob("*/model.onnx"))]
pytestmark = pytest.mark.slow


def data_of(path: Path) -> str | None:
    feeds = path.with_name("calib_feeds.npz")
    if feeds.exists():
        return str(feeds)
    if path.with_name("eval.py").exists():
        return f"{path.with_name('eval.py')}:feeds"
    return str(path.parent) if list(path.parent.glob("test_data_set_*")) else None


MODELS = [pytest.param(p, id=p.parent.name) for p in [*ZOO, *fetched_models()] if data_of(p)]


@pytest.mark.parametrize("path", MODELS or [pytest.param(None, marks=pytest.mark.skip("no models"))])
def test_every_weight_has_statistics_or_a_reason(path: Path):
    model = load(str(path))
    weights = find_weights(model, Scopes(model.proto))
    calibration = Calibration(Portion((str(data_of(path)),), samples=8), rows=512)
    for ask in (calibration.statistics, calibration.walk):
        seen = {}
        for layer in ask(model, weights):
            assert layer.weight.name not in seen
            seen[id(layer.weight)] = layer
            if layer.statistics is None:
                assert layer.reason
                continue
            try:
                groups, outputs, inputs = matrix_of(layer.weight).shape
            except NoMatrix:
                pytest.fail("statistics of a weight that is no matrix")
            moments, counts = layer.statistics.moments, layer.statistics.counts
            assert counts is None or counts.shape == (outputs,)
            if moments is not None:
                assert np.isfinite(moments.S).all() and moments.n > 0
                assert moments.S.shape in ((groups, inputs, inputs), (moments.S.shape[0], *moments.mx.shape[1:] * 2))
                assert moments.C is None or moments.C.shape[1] == outputs
        assert len(seen) == len(weights)
