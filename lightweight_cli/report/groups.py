"""Weights put together: those changed by their encoding, those left alone by their reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightweight_cli.pipeline.step_report import Changed, Left, StepReport


@dataclass(frozen=True)
class Group:
    """Weights with the same encoding, or left alone for the same reason. Sizes in bytes."""

    label: str
    before: int
    after: int
    names: tuple[str, ...]

    @property
    def count(self) -> int:
        """The number of weights."""
        return len(self.names)


def by_encoding(weights: Iterable[Changed]) -> list[Group]:
    """Group changed weights by encoding, the largest group first."""
    found: dict[str, list[Changed]] = {}
    for w in weights:
        found.setdefault(w.stored_as or w.encoding, []).append(w)
    return _sorted(Group(label, sum(w.before for w in ws), sum(w.after for w in ws), tuple(w.name for w in ws))
                   for label, ws in found.items())


def by_reason(left: Iterable[Left]) -> list[Group]:
    """Group weights left alone by reason, the largest group first.

    What follows a colon in a reason ("would not be smaller: 120 bytes as table") belongs to one weight, so
    it is dropped where the reasons of a group differ.
    """
    found: dict[str, list[Left]] = {}
    for w in left:
        found.setdefault(w.reason.partition(":")[0], []).append(w)
    groups = []
    for head, ws in found.items():
        label = ws[0].reason if len({w.reason for w in ws}) == 1 else head
        size = sum(w.bytes for w in ws)
        groups.append(Group(label, size, size, tuple(w.name for w in ws)))
    return _sorted(groups)


def contents(steps: Iterable[StepReport], total: int) -> list[tuple[str, int]]:
    """Return what a result of `total` bytes holds: bytes by encoding, of weights left alone, and the rest.

    A weight that several steps stored counts as the last one left it.
    """
    last: dict[tuple[str, str, tuple[int, ...]], list[Changed]] = {}
    left: list[Left] = []
    for step in steps:
        fresh: dict[tuple[str, str, tuple[int, ...]], list[Changed]] = {}
        for w in step.weights:
            fresh.setdefault((w.name, w.op, w.shape), []).append(w)
        last.update(fresh)
        if step.left or step.weights:
            left = step.left
    parts = [(g.label, g.after) for g in by_encoding(w for ws in last.values() for w in ws)]
    alone = sum(w.bytes for w in left if (w.name, w.op, w.shape) not in last)
    rest = total - alone - sum(size for _, size in parts)
    return [part for part in (*parts, ("left alone", alone), ("graph and all else", rest)) if part[1] > 0]


def _sorted(groups: Iterable[Group]) -> list[Group]:
    return sorted(groups, key=lambda g: (-g.before, g.label))
