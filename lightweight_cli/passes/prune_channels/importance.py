"""How much each unit of a group matters, by the weights that make its channels."""

from __future__ import annotations

import numpy as np

from lightweight_cli.structure.groups import Group, placed
from lightweight_cli.structure.trace import Layer, Trace
from lightweight_cli.weights import constant_values

MOST = 1e300
"""What infinities and NaN count for."""


def by_weights(trace: Trace, group: Group, power: int) -> np.ndarray:
    """Return the sum of |w|^power of each unit over the layers that make its channels, each layer's share of its mean.

    Source: Li et al. 2017, section 3.1, with l1.
    """
    total = np.zeros(group.size)
    for number in group.makers:
        layer = trace.layers[number]
        with np.errstate(all="ignore"):  # infinities and NaN weigh as much as can be
            each = np.abs(weight_of(trace, layer).astype(np.float64)) ** power
            axis = layer.axes[1]
            by_output = np.nan_to_num(each.sum(tuple(k for k in range(each.ndim) if k != axis)), nan=MOST, posinf=MOST)
            found = np.minimum(by_unit(trace, group, layer, by_output), MOST)
        total += found / (found.mean() or 1.0)
    return total / len(group.makers)


def by_unit(trace: Trace, group: Group, layer: Layer, by_output: np.ndarray) -> np.ndarray:
    """Add up what a layer's outputs have for each unit of a group; of grouped ones the outputs of each group follow one another."""
    at = placed(trace.labels.find(layer.outputs), group.roots)
    values = np.tile(by_output, len(at) // len(by_output))
    return np.bincount(at[at >= 0], values[at >= 0], group.size)


def weight_of(trace: Trace, layer: Layer) -> np.ndarray:
    """Return the values of a layer's weight as it reaches the operator. Raises: NotConstant."""
    return constant_values.evaluate(trace.model, trace.scope, layer.weight)
