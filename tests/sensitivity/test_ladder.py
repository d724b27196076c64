"""What each rung makes of a weight, and which weights are then to stay out."""

from __future__ import annotations

import math
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

from lightweight_cli import api
from lightweight_cli.model.load import load
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.sensitivity.advice import excluded, pattern, ranked, together
from lightweight_cli.sensitivity.found import Measured, Sensitivity
from lightweight_cli.sensitivity.ladder import LADDER, Rung, changed, order
from lightweight_cli.weights.search import find_weights

MODEL = """<ir_version: 10, opset_import: ["": 18]> agraph (float[N, 64] x) => (float[N, 80] y) <float[64, 80] W> { y = MatMul(x, W) }"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    model = parser.parse_model(MODEL)
    del model.graph.value_info[:]
    values = np.random.default_rng(0).normal(size=(64, 80)).astype(np.float32)
    model.graph.initializer.append(numpy_helper.from_array(values, "W"))
    onnx.save(model, tmp_path / "m.onnx")
    return str(tmp_path / "m.onnx")


def test_the_rungs_are_what_passes_make(path: str) -> None:
    model = load(path)
    (weight,) = find_weights(model, Scopes(model.proto))
    for bits in (8, 4, 2):
        made = api.run(path, [f"quantize:bits={bits},method=nearest,keep=0"])
        (stored,) = find_weights(made.model, Scopes(made.model.proto))
        assert np.array_equal(changed(weight, Rung("bits", bits)), stored.read(0, stored.size).reshape(64, 80))
    own = weight.read(0, weight.size).reshape(64, 80).copy()
    for share in (0.5, 0.9):
        pruned = changed(weight, Rung("sparsity", share))
        zeros = pruned == 0
        assert zeros.sum() == round(share * 5120) and np.abs(own[zeros]).max() <= np.abs(own[~zeros]).min()
        assert np.array_equal(pruned[~zeros], own[~zeros])


def test_what_is_asked_for_is_tried_first() -> None:
    assert order(4)[:3] == [Rung("bits", 4), Rung("sparsity", 0.5), Rung("bits", 2)] and order(6)[:2] == [Rung("bits", 6), Rung("bits", 4)]
    assert sorted(order(3)) == sorted(LADDER) and list(map(str, LADDER))[2::3] == ["4 bits", "50 % zeros"]


def weights(*decibels: float | None) -> list[Sensitivity]:
    return [Sensitivity(f"w{i}", "Conv", (3,), 12, () if d is None else (Measured("bits", 4, d),), "no" if d is None else None)
            for i, d in enumerate(decibels)]


@pytest.mark.parametrize(("given", "out", "rest"), [
    ([40, 10, 35], ["w1"], -10 * math.log10(10**-4 + 10**-3.5)), ([50, 45], [], -10 * math.log10(10**-5 + 10**-4.5)),
    ([29, 32, 32.9], ["w0", "w1"], 32.9), ([math.inf, math.inf], [], math.inf), ([5, -math.inf, 3], ["w1", "w2", "w0"], None),
    ([None, 30], [], 30), ([], [], None)])
def test_the_fewest_that_keep_the_others_at_thirty_decibels(given: list, out: list[str], rest: float | None) -> None:
    found = excluded(weights(*given), 4)
    assert [w.name for w in found] == out
    assert together([w for w in weights(*given) if w not in found], 4) == (None if rest is None else pytest.approx(rest))


def test_the_worst_comes_first_and_what_was_not_tried_last() -> None:
    assert [w.name for w in ranked(weights(30, None, 10, math.inf, -math.inf), 4)] == ["w4", "w2", "w0", "w3", "w1"]


@pytest.mark.parametrize("name", ["a.weight", "a[0]*?.w", "[]"])
def test_a_pattern_means_one_name(name: str) -> None:
    assert fnmatchcase(name, pattern(name)) and not fnmatchcase(f"{name}x", pattern(name))
