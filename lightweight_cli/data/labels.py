"""Labels for evaluation, from files that are never unpickled."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Collection, Mapping

import numpy as np

from lightweight_cli.errors import InputError, printable

KEYS = ("labels", "label", "y")


def load_numpy(path: str, leave_out: Collection[str] = ()) -> np.ndarray | dict[str, np.ndarray]:
    """Read a .npy file, or all arrays of a .npz file but those whose keys are to be left out.

    Raises: InputError when it is missing, damaged, too large for memory, or holds pickled objects.
    """
    name, key = printable(path), None
    try:
        with open(path, "rb") as file:
            head = file.read(6)
        if head[:4] not in (b"\x93NUM", b"PK\x03\x04", b"PK\x05\x06"):
            raise InputError(f"{name}: not a .npy or .npz file")
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        arrays = {}
        with loaded:
            for key in loaded.files:
                if key not in leave_out:
                    arrays[key] = loaded[key]
        return arrays
    except OSError as error:
        raise InputError(f"{name}: {error.strerror or error}") from error
    except MemoryError as error:
        raise InputError(f"{name}: its arrays do not fit into memory") from error
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile, NotImplementedError, zlib.error) as error:
        if not ("pickle" in str(error) or "Object arrays" in str(error)):
            raise InputError(f"{name}: damaged") from error
        held = name if key is None else f'{name}: "{printable(key)}"'
        raise InputError(f"{held} holds pickled objects, which are never loaded; rows of different lengths can be padded to one, "
                         "or given batch by batch by a FILE.py:reader") from error


def load_labels(path: str) -> np.ndarray:
    """Read labels [samples, ...] from a .npy, or from a .npz with one array or a key of KEYS.

    Raises: InputError.
    """
    loaded = load_numpy(path)
    if isinstance(loaded, dict):
        key = label_key(loaded) or (next(iter(loaded)) if len(loaded) == 1 else None)
        if key is None:
            keys = ", ".join(f'"{printable(k)}"' for k in loaded) or "none"
            raise InputError(f"{printable(path)}: keys are {keys}; labels need one array, or a key {_allowed()}")
        loaded = loaded[key]
    return check_labels(loaded, printable(path))


def label_key(arrays: Mapping[str, np.ndarray], inputs: tuple[str, ...] = ()) -> str | None:
    """Return the key that holds labels, if one does and is no input's name."""
    return next((key for key in KEYS if key in arrays and key not in inputs), None)


def check_labels(labels: np.ndarray, where: str) -> np.ndarray:
    """Return labels [samples, ...] without axes of length 1 at their end.

    Raises: InputError when there is no sample axis, or a value is not finite.
    """
    if labels.ndim == 0:
        raise InputError(f"{where}: labels are a single number; they need one entry a sample")
    if labels.dtype.kind not in "biufUS":
        raise InputError(f"{where}: labels are {labels.dtype.name}; they can be integers, floats, bools or text")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise InputError(f"{where}: labels hold values that are not finite")
    while labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    return labels


def join_labels(parts: list[np.ndarray]) -> np.ndarray:
    """Concatenate the labels of several files.

    Raises: InputError when their shapes differ.
    """
    if len({p.shape[1:] for p in parts}) > 1:
        shapes = ", ".join(str(list(p.shape)) for p in parts)
        raise InputError(f"labels have different shapes from part to part: {shapes}")
    return np.concatenate(parts)


def _allowed() -> str:
    return ", ".join(KEYS[:-1]) + " or " + KEYS[-1]


def missing_file(path: str) -> InputError | None:
    """Return the error for a path that is not there or may not be read."""
    if not os.path.exists(path):
        return InputError(f"{printable(path)}: no such file or folder")
    if not os.access(path, os.R_OK):
        return InputError(f"{printable(path)}: permission denied")
    return None
