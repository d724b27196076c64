"""Groups of units: a unit is what must go together, a group the units of the same layers, of which some may go."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightweight_cli.structure.trace import Trace


class Member(NamedTuple):
    """An axis of a stored constant, and the unit in which each of its positions is (-1: in none of the group)."""

    tensor: str
    axis: int
    units: np.ndarray


class Group:
    """Units that may go one by one, as long as one stays."""

    def __init__(self, roots: np.ndarray, members: list[Member], makers: list[int]) -> None:
        self.roots, self.members = roots, members
        self.makers = makers
        """Layers of the trace that make its channels."""

    @property
    def size(self) -> int:
        """The number of units."""
        return len(self.roots)


def groups_of(trace: Trace) -> list[Group]:
    """Return the groups of a model in the order of the layers that make their channels."""
    labels, stored = trace.labels, stored_axes(trace)
    of_root: dict[int, list[int]] = {}
    for number, (_, _, found) in enumerate(stored):
        for root in np.unique(labels.find(found)[~labels.frozen(found)]).tolist():
            of_root.setdefault(root, []).append(number)
    makers: dict[int, list[int]] = {}
    for number, layer in enumerate(trace.layers):
        outputs = layer.outputs if layer.constant else layer.outputs[:0]
        for root in np.unique(labels.find(outputs)[~labels.frozen(outputs)]).tolist():
            makers.setdefault(root, []).append(number)
    families: dict[tuple[tuple[int, ...], tuple[int, ...]], list[int]] = {}
    for root, numbers in sorted(of_root.items()):
        if root in makers:
            families.setdefault((tuple(makers[root]), tuple(numbers)), []).append(root)
    groups = []
    for (made, axes), roots in families.items():
        if len(roots) > 1:
            units = np.sort(np.array(roots))
            members = [Member(stored[n][0], stored[n][1], placed(labels.find(stored[n][2]), units)) for n in axes]
            groups.append(Group(units, members, list(made)))
    return sorted(groups, key=lambda group: group.makers)


def placed(roots: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Return the place of each root among the sorted `units`, -1 for none."""
    at = np.minimum(np.searchsorted(units, roots), len(units) - 1)
    return np.where(units[at] == roots, at, -1)


def stored_axes(trace: Trace) -> list[tuple[str, int, np.ndarray]]:
    """Return name, axis and labels of the axes of all constants that are stored in the main graph."""
    return [(name, axis, found) for (name, axis), found in trace.axes.items() if trace.stored(name) is not None]
