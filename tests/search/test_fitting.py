"""What a file can't hold is rounded more coarsely, never clipped."""

from __future__ import annotations

import numpy as np
import pytest

from lightweight_cli.search.fitting import fits, fitting, holds, laid
from lightweight_cli.search.items import GROUPED, MENU, PLAIN, SAFE, WIDE, Item
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


def test_what_is_well_behaved_has_the_whole_menu_and_8_bits() -> None:
    assert fitting(weight(4.0), MENU) == (SAFE, *MENU) and fitting(weight(4.0), PLAIN) == PLAIN
    assert fitting(weight(1.0).transpose(1, 2, 0), GROUPED) == GROUPED


def test_an_outlier_that_wide_codes_reach_is_one_rare_code() -> None:
    assert fits(weight(40.0), Item(0.0625)) and not fits(weight(300.0), Item(0.0625)) and fits(weight(300.0), Item(0.09))


def test_a_table_has_8_bits_for_each_row_where_one_scale_is_too_coarse() -> None:
    assert fitting(weight(300.0), PLAIN)[:2] == (SAFE, Item(0.09))


@pytest.mark.parametrize("outlier", [3.0, 300.0, 1e4])
def test_8_bits_lose_little_whatever_the_outliers(outlier: float) -> None:
    values = weight(outlier, apart=True)
    grid = laid(values, SAFE)
    error = grid.decode(grid.nearest(values)) - values
    assert (np.square(error).sum(2) < 2e-4 * np.square(values).sum(2)).all()


@pytest.mark.parametrize("outlier", [3.0, 300.0, 1e4])
def test_nothing_is_clipped_whatever_the_step_asked_for(outlier: float) -> None:
    values = weight(outlier)
    layer = Layer(None, View(values.shape), None, MENU, True)  # type: ignore[arg-type]
    layer.matrix = lambda: values  # type: ignore[method-assign]
    new = plainly(layer, MENU[0])
    assert holds(new.codes) and new.item.step >= MENU[0].step and np.abs(new.codes).max() <= WIDE
    assert np.isclose(new.values[0, 3, 5], values[0, 3, 5], rtol=0.02, atol=0.1)
