"""What a file can't hold is rounded more coarsely, never clipped."""

from __future__ import annotations

import numpy as np
import pytest

from lightweight_cli.search.fitting import fits, fitting, holds
from lightweight_cli.search.items import GROUPED, MENU, PLAIN, WIDE, Item
from lightweight_cli.search.layer import Layer
from lightweight_cli.search.rounding import plainly
from lightweight_cli.weights.view import View


def weight(outlier: float, apart: bool = False) -> np.ndarray:
    values = np.random.default_rng(0).normal(size=(1, 64, 96)).astype(np.float32)
    if apart:
        values[0, :8] *= outlier
    else:
        values[0, 3, 5] = outlier
    return values


def test_what_is_well_behaved_has_the_whole_menu() -> None:
    assert fitting(weight(4.0), MENU) == (Item(0.044, WIDE, True), *MENU) and fitting(weight(4.0), PLAIN) == PLAIN
    assert fitting(weight(1.0).transpose(1, 2, 0), GROUPED) == GROUPED


def test_an_outlier_that_wide_codes_reach_is_one_rare_code() -> None:
    assert fits(weight(40.0), Item(0.0625)) and not fits(weight(300.0), Item(0.0625)) and fits(weight(300.0), Item(0.09))


def test_the_finest_has_scales_for_each_output_a_table_only_where_one_is_too_coarse() -> None:
    found = fitting(weight(60.0, apart=True), MENU)
    assert found[0] == Item(0.044, WIDE, True) and not any(item.per_output for item in found[1:])
    found = fitting(weight(300.0), PLAIN)
    assert found[0] == Item(0.044, WIDE, True) and found[1] == Item(0.09)


@pytest.mark.parametrize("outlier", [3.0, 300.0, 1e4])
def test_nothing_is_clipped_whatever_the_step_asked_for(outlier: float) -> None:
    values = weight(outlier)
    layer = Layer(None, View(values.shape), None, MENU, True)  # type: ignore[arg-type]
    layer.matrix = lambda: values  # type: ignore[method-assign]
    new = plainly(layer, MENU[0])
    assert holds(new.codes) and new.item.step >= MENU[0].step and np.abs(new.codes).max() <= WIDE
    assert np.isclose(new.values[0, 3, 5], values[0, 3, 5], rtol=0.02, atol=0.1)
