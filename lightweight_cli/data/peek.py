"""What data files hold, from their keys alone: no array is read."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Collection, Sequence

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
