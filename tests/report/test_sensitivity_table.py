"""What the table of sensitivities says of the weights to leave out."""

from __future__ import annotations

import math

import pytest

from lightweight_cli.report.sensitivity import table
from lightweight_cli.sensitivity.found import Measured, Sensitivities, Sensitivity


def found(exclude: tuple[str, ...], rest: float | None, sizes: tuple[int, ...] = (100, 300)) -> Sensitivities:
    weights = tuple(Sensitivity(f"w[{i}]", "Conv", (2, 2), n, (Measured("bits", 4, 20.0),)) for i, n in enumerate(sizes))
    return Sensitivities("m.onnx", "", 16, 16, False, 4, weights, exclude, rest, True, 1.0)


@pytest.mark.parametrize(("given", "said", "options"), [
    (found(("w[[]0]",), 31.24), "at 4 bits, without 1 weight the others come to 31.2 dB together:", "--exclude 'w[[]0]'"),
    (found(("w[[]1]",), 31.0), "at 4 bits 1 weight with 75 % of the bytes would have to stay out", ""),
    (found((), 35.0), "at 4 bits all weights come to 35.0 dB together: none needs to stay out", ""),
    (found((), math.inf), "at 4 bits all weights change nothing: none needs to stay out", ""),
    (found((), None, ()), "nothing could be measured", "")])
def test_the_advice(given: Sensitivities, said: str, options: str) -> None:
    assert table.advice(given).startswith(said) and table.options(given) == options
