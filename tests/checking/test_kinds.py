"""What is said without data: figures for each kind of inputs, and a verdict in words."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from onnx import numpy_helper, parser, save

from lightweight_cli.checking.accuracy import Accuracy
from lightweight_cli.checking.gates import Gates, check
from lightweight_cli.checking.kinds import LOSS, NO_SIGN, UNKNOWN, KindFidelity, spread, verdict
from lightweight_cli.checking.metrics.centred import Centred
from lightweight_cli.checking.verify import verify
from lightweight_cli.report import words


def kinds(*sqnrs: float | None, centred: float = 20.0, varying: float = 0.5) -> list[KindFidelity]:
    names = ("leaves", "documents", "pink", "patches")
    return [KindFidelity(n, 4, s, centred, varying) for n, s in zip(names, sqnrs, strict=False)]


@pytest.mark.parametrize(("given", "said"), [
    (kinds(15, 20, 30), NO_SIGN), (kinds(14.9, 20, 30), UNKNOWN), (kinds(6, 20, 30), UNKNOWN), (kinds(5.9, 40, 40), LOSS),
    (kinds(16, 16, 16, 2), NO_SIGN), (kinds(-math.inf, 9, 9), LOSS), (kinds(math.inf, math.inf, math.inf), None), ([], None),
    (kinds(None, None), None), (kinds(math.inf, 12), UNKNOWN), ([KindFidelity("plain", 4, 8.0, 8.0, 1.0)], UNKNOWN),
    ([KindFidelity("plain", 4, 0.0, 8.0, 1.0)], UNKNOWN), ([KindFidelity("plain", 4, -0.1, 8.0, 1.0)], LOSS),
    (kinds(61, 61, 61, centred=3.0, varying=0.001), UNKNOWN), (kinds(61, 61, 61, centred=40.0, varying=0.001), NO_SIGN),
    ([KindFidelity("tokens", 8, 16.0, 16.0, 1.0), KindFidelity("padded", 8, 3.0, 3.0, 1.0)], NO_SIGN)])
def test_the_verdict(given: list[KindFidelity], said: str | None) -> None:
    assert verdict(given) == said


def test_kinds_that_are_far_apart_are_said_to_tell_little() -> None:
    assert spread(kinds(8, 12, 30, 99)) == 22 and spread(kinds(8, math.inf)) == 0
    found = Accuracy(True, 3, 12, (), kinds=tuple(kinds(8, 12, 30)), verdict=UNKNOWN)
    assert words.without_data(found) == ("can't tell without data: 8.0 dB on leaves, 12.0 dB on documents, 30.0 dB on pink; "
                                         "kinds that are 22 dB apart tell little")
    assert words.without_data(found) in words.warnings(found)


def test_centred_leaves_the_mean_out() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((64, 5)) + np.array([100, 0, -50, 3, 7.0])
    y = x + 0.1 * rng.standard_normal(x.shape)
    figure = Centred()
    for rows in (slice(0, 40), slice(40, 64)):
        figure.update(x[rows], y[rows])
    wanted = 10 * np.log10(np.square(x - x.mean(0)).sum() / np.square(x - y).sum())
    assert figure.value() == pytest.approx(wanted) and 15 < wanted < 25
    assert figure.varying == pytest.approx(np.square(x - x.mean(0)).sum() / np.square(x).sum())
    figure.update(np.ones((2, 3)), np.ones((2, 3)))
    assert figure.value() == pytest.approx(wanted), "another width is left out"
    assert Centred().value() is None


def model(path: Path, noise: float) -> str:
    rng = np.random.default_rng(0)
    made = parser.parse_model("""<ir_version: 10, opset_import: ["": 18]> agraph (float[N, 3, 32, 32] x) => (float[N, 6] y) {
        c = Conv(x, W) r = Relu(c) p = GlobalAveragePool(r) y = Flatten(p) }""")
    weight = rng.standard_normal((6, 3, 3, 3))
    weight += noise * rng.standard_normal(weight.shape)
    made.graph.initializer.append(numpy_helper.from_array(weight.astype(np.float32), "W"))
    file = str(path / f"{noise}.onnx")
    save(made, file)
    return file


def test_a_check_without_data_says_it_kind_by_kind(tmp_path: Path) -> None:
    reference = model(tmp_path, 0)
    close, far, same = (verify(reference, model(tmp_path, noise), latency=False) for noise in (0.001, 2.0, 0))
    assert [k.name for k in close.kinds] == ["leaves", "documents", "pink", "patches"] and sum(k.samples for k in close.kinds) == 16
    assert (close.verdict, far.verdict, same.verdict) == (NO_SIGN, LOSS, None)
    assert close.agreement is None and close.sqnr is not None
    assert min(k.sqnr for k in close.kinds if k.sqnr) <= close.sqnr <= max(k.sqnr for k in close.kinds if k.sqnr)
    assert Accuracy.from_json(json.loads(json.dumps(close.to_json(), allow_nan=False))) == close
    (gate,) = check(Gates(min_agreement=0.5), close, 1)
    assert not gate.passed and gate.why is not None and gate.why.startswith("no data")


def test_with_data_nothing_is_said_in_words(tmp_path: Path) -> None:
    feeds = [{"x": np.random.default_rng(0).random((4, 3, 32, 32), np.float32)}]
    found = verify(model(tmp_path, 0), model(tmp_path, 0.01), feeds, latency=False)
    assert found.kinds == () and found.verdict is None
    assert not any("data" in text for text in words.warnings(dataclasses.replace(found, provenance=None)))
