"""Every rule against central differences, with sizes that are known and with sizes that are found at run time."""

from __future__ import annotations

import re

import numpy as np
import pytest
from gradients.cases import CASES
from gradients.differences import agree

from lightweight_cli.gradients.rules.table import RULES


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_central_differences(name: str) -> None:
    agree(**CASES[name])


@pytest.mark.parametrize("name", [n for n in CASES if re.match(r"float\[\d+,", CASES[n]["declared"]) and not CASES[n].get("static")])
def test_agrees_where_sizes_are_found_at_run_time(name: str) -> None:
    """The first weight becomes an input without known sizes, times a weight of one element."""
    case = dict(CASES[name])
    case.pop("static", None)
    first, rest = re.match(r"float\[([\d,]+)\] \w+(.*)", case["declared"], re.S).groups()
    x = re.match(r"float\[[\d,]+\] (\w+)", case["declared"])[1]
    shape = [int(d) for d in first.split(",")]
    random = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    case["declared"] = f"float[1] scale{rest}"
    case["body"] = f"{x} = Mul (seen, scale) {case['body']}"
    case["inputs"] = f"float[{','.join(f'N{k}' for k in range(len(shape)))}] seen"
    case["feeds"] = {"seen": np.abs(random) + 0.2 if x.startswith("pos") else random}
    agree(**case)


def test_every_rule_has_a_case() -> None:
    shown = {word for case in CASES.values() for word in re.findall(r"= (\w+)", case["body"])}
    assert set(RULES) - shown == {"QuantizeLinear", "DequantizeLinear"}  # see test_quantized.py
