"""How much each unit matters by what is lost of the outputs of the layers that read it, when what stays makes up for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.numerics import damping, elimination, parts
from lightweight_cli.numerics.moments import Moments, centred
from lightweight_cli.passes.prune_channels.biases import bias_of
from lightweight_cli.structure.groups import Group, placed
from lightweight_cli.structure.trace import Layer, Trace
from lightweight_cli.weights.matrix import NoMatrix, matrix_of

if TYPE_CHECKING:
    from lightweight_cli.calibration.study import Layer as Seen
    from lightweight_cli.weights.weight import Weight


def by_outputs(trace: Trace, groups: Sequence[Group], layers: dict[int, Layer], seen: Iterable[Seen]) -> dict[int, np.ndarray]:
    """Return the scores of groups, by their place, as far as all layers that read them are known.

    `layers`: those that may be seen, by the ids of their weights.
    """
    needs = [{key for key, layer in layers.items() if _reads(trace, group, layer)} for group in groups]
    waiting = {i for i, need in enumerate(needs) if need}
    known: dict[int, tuple[Weight, Moments]] = {}
    found: dict[int, np.ndarray] = {}
    for at in seen:
        if at.statistics is not None and at.statistics.moments is not None:
            known[id(at.weight)] = at.weight, at.statistics.moments
        for i in [i for i in waiting if needs[i] <= known.keys()]:
            waiting.discard(i)
            try:
                mine = [key for key in layers if key in needs[i]]
                readers = [r for key in mine for r in _readers(trace, groups[i], layers[key], *known[key])]
                found[i] = elimination.order(readers, groups[i].size)
            except (np.linalg.LinAlgError, NoMatrix, ValueError):
                continue
        for key in known.keys() - {k for i in waiting for k in needs[i]}:
            del known[key]
    return found


def _reads(trace: Trace, group: Group, layer: Layer) -> bool:
    """Whether a layer sums over channels of a group."""
    return layer.axes[0] is not None and bool((placed(trace.labels.find(layer.inputs), group.roots) >= 0).any())


def _readers(trace: Trace, group: Group, layer: Layer, weight: Weight, moments: Moments) -> Iterable[elimination.Reader]:
    """Yield a layer's matrix, or those of its groups, with the unit of each column."""
    view = matrix_of(weight)
    axis = _summed(trace, layer, weight)
    labels = trace.axis(weight.name, axis)
    if labels is None:
        raise NoMatrix("its inputs are not known")
    at = placed(trace.labels.find(labels), group.roots)
    units = np.broadcast_to(at.reshape([-1 if k == axis else 1 for k in range(len(weight.shape))]), weight.shape)
    matrix, columns = view.of(weight.read(0, weight.size).reshape(weight.shape)), view.of(units)
    weight.forget()
    if bias_of(trace, layer) is not None and moments.mx is not None:
        moments = centred(moments)
    columns = columns.min(1, keepdims=True)
    if len(matrix) == 1 and parts.width(matrix.shape[2]) != matrix.shape[2]:
        matrix, columns = parts.split(matrix), parts.split(columns + 1) - 1
    S = damping.damped(moments.S, damping.strength(moments.S, moments.n))
    for g in range(len(matrix)):
        yield elimination.Reader(matrix[g], S[g], columns[g, 0])


def _summed(trace: Trace, layer: Layer, weight: Weight) -> int:
    """Return the axis of a stored weight that the layer sums over. Raises: NoMatrix where nodes between hide it."""
    if layer.axes[0] is not None and layer.weight == weight.name:
        return layer.axes[0]
    inputs, outputs = trace.labels.find(layer.inputs), trace.labels.find(layer.outputs)
    axes = [(k, trace.labels.find(found)) for k in range(len(weight.shape)) if (found := trace.axis(weight.name, k)) is not None]
    mine = [k for k, found in axes if np.array_equal(found, inputs) and not np.array_equal(found, outputs)]
    if len(mine) != 1:
        raise NoMatrix("which axis is summed over is not known")
    return mine[0]
