"""Feeds that a caller holds in memory, as files that a child process opens."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lightweight_cli.errors import InputError, printable

Feeds = Iterable[Mapping[str, Any]] | Mapping[str, Any]


@contextlib.contextmanager
def written(data: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Feeds) -> Iterator[tuple[str, ...]]:
    """Give the paths of data files as they are, and of feeds (one or several dicts of arrays by input name) a .npz file each.

    The files stay until the block ends.

    Raises: InputError for a feed of other things than arrays.
    """
    items = [data] if isinstance(data, (str, os.PathLike, Mapping)) else list(data)
    if all(isinstance(i, (str, os.PathLike)) for i in items):
        yield tuple(os.fspath(i) for i in items)  # type: ignore[arg-type]
        return
    with tempfile.TemporaryDirectory(prefix="lwc-") as folder:
        paths = []
        for number, feed in enumerate(items):
            if not isinstance(feed, Mapping):
                raise InputError(f"feed {number} is {type(feed).__name__}; it must be a dict of arrays by input name")
            arrays = {str(k): np.asarray(v) for k, v in feed.items()}
            odd = next((k for k, v in arrays.items() if v.dtype.kind not in "biufUS"), None)
            if odd is not None:
                raise InputError(f'feed {number}: "{printable(odd)}" is {arrays[odd].dtype.name}; it must be numbers or text')
            paths.append(os.path.join(folder, f"{number}.npz"))
            with open(paths[-1], "wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]
        yield tuple(paths)
