"""What data files hold, from their keys and headers alone: no array is read."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Collection, Iterator, Sequence

from lightweight_cli.data.labels import KEYS
from lightweight_cli.errors import InputError, printable


def has_labels(paths: Sequence[str], inputs: Collection[str]) -> bool:
    """Whether the data has, or may have, labels: a reader's are known when it has run.

    Raises: InputError for a .npz that can't be read.
    """
    return any(_may(path, inputs) for path in paths)


def _may(path: str, inputs: Collection[str]) -> bool:
    file, _, reader = path.rpartition(":")
    if file.endswith(".py") and reader.isidentifier():
        return True
    return any(key in KEYS and key not in inputs for key in keys(path))


def keys(path: str) -> list[str]:
    """Return the keys of a .npz; none for what is no .npz. Raises: InputError."""
    try:
        if os.path.isdir(path) or not zipfile.is_zipfile(path):
            return []
        with zipfile.ZipFile(path) as file:
            return [name.removesuffix(".npy") for name in file.namelist()]
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise InputError(f"{printable(path)}: damaged") from error


def samples(paths: Sequence[str]) -> int:
    """Return how many samples arrays hold, by their first axis; 0 where that is not known without reading them."""
    total = 0
    for path in paths:
        lengths = {shape[0] if shape else 0 for name, shape in _shapes(path) if name not in KEYS}
        if len(lengths) != 1:
            return 0
        total += lengths.pop()
    return total


def _shapes(path: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield name and shape of the arrays in a .npz; nothing for what is no .npz, or is damaged."""
    from numpy.lib import format as headers

    read = {(1, 0): headers.read_array_header_1_0, (2, 0): headers.read_array_header_2_0}
    for key in keys(path):
        with zipfile.ZipFile(path) as file, file.open(f"{key}.npy") as member:
            try:
                yield key, read[headers.read_magic(member)](member)[0]
            except (KeyError, ValueError, OSError):
                return
