"""Arrays kept in memory, and beyond a limit in an anonymous temporary file."""

from __future__ import annotations

import os
import pickle
import tempfile
from collections.abc import Iterator
from typing import IO, Any

IN_MEMORY = 256 << 20
"""Bytes of arrays before they go to the disk."""


class Spool:
    """A list of nested arrays that is read in order, any number of times, by one reader at a time."""

    def __init__(self, limit: int = IN_MEMORY) -> None:
        self.limit, self.size, self.count = limit, 0, 0
        self.kept: list[Any] = []
        self.file: IO[bytes] | None = None

    def append(self, item: Any) -> None:
        """Keep an item; it must not change afterwards."""
        self.count += 1
        self.size += _bytes(item)
        if self.file is None and self.size <= self.limit:
            self.kept.append(item)
            return
        if self.file is None:
            self.file = tempfile.TemporaryFile(prefix="lwc-")  # noqa: SIM115 - lives as long as the spool
        self.file.seek(0, os.SEEK_END)  # a reader may have stopped in the middle
        pickle.dump(item, self.file, protocol=5)

    @property
    def in_memory(self) -> int:
        """Bytes that are in memory."""
        return sum(map(_bytes, self.kept)) if self.file is not None else self.size

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Any]:
        yield from self.kept
        if self.file is not None:
            self.file.flush()
            self.file.seek(0)
            for _ in range(self.count - len(self.kept)):
                yield pickle.load(self.file)  # our own bytes, in a file without a name

    def close(self) -> None:
        """Let go of everything."""
        self.kept.clear()
        if self.file is not None:
            self.file.close()

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _bytes(item: Any) -> int:
    if isinstance(item, dict):
        return sum(map(_bytes, item.values()))
    if isinstance(item, (list, tuple)):
        return sum(map(_bytes, item))
    return int(getattr(item, "nbytes", 64))
