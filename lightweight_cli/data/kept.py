"""Some samples of batches, which stay where they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from lightweight_cli.data.batches import Batch


class Unit(NamedTuple):
    """What can't be divided: a sample, or a whole batch where its samples can't be cut."""

    batch: int
    row: int | None
    samples: int


class Kept(Iterable[Batch]):
    """Some units of batches; can be gone through more than once."""

    def __init__(self, parts: Sequence[Iterable[Batch]], units: Sequence[Unit]) -> None:
        self.parts = parts
        self.rows: dict[int, list[int] | None] = {}
        for unit in units:
            rows = self.rows.setdefault(unit.batch, None if unit.row is None else [])
            if rows is not None and unit.row is not None:
                rows.append(unit.row)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Batch]:
        number = 0
        for part in self.parts:
            for batch in part:
                if number in self.rows:
                    yield cut(batch, self.rows[number])
                number += 1


def cut(batch: Batch, rows: list[int] | None) -> Batch:
    """Return the rows of a batch; None: all of it."""
    if rows is None or len(rows) == batch.samples:
        return batch
    return Batch({n: v[rows] if n in batch.sliceable else v for n, v in batch.feed.items()}, len(rows), batch.sliceable, batch.kind)
