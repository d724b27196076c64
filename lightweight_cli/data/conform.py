"""Whether an array can be fed to an input: dtype, rank and fixed dimensions."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from lightweight_cli.errors import InputError, printable
from lightweight_cli.runtime.sessions import Port

NUMPY = {"float": "float32", "double": "float64", "float16": "float16", "bool": "bool", "string": "object",
         **{name: name for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")}}


def element(port: Port) -> str | None:
    """Return the numpy dtype's name of an input's tensors; None for types numpy has not (bfloat16, maps)."""
    found = re.fullmatch(r"(?:seq\(|optional\()*tensor\((\w+)\)\)*", port.type)
    return NUMPY.get(found[1]) if found else None


def is_sequence(port: Port) -> bool:
    """Whether an input takes a list of tensors."""
    return port.type.startswith(("seq(", "optional(seq("))


def fits(shape: tuple[int, ...], port: Port) -> bool:
    """Whether a shape agrees with the declared one; an undeclared shape takes any."""
    if not port.shape:
        return True
    return len(shape) == len(port.shape) and all(
        not isinstance(want, int) or want < 0 or want == have for have, want in zip(shape, port.shape, strict=True))


def conform(value: Any, port: Port, where: str) -> Any:
    """Return `value` as the input takes it.

    Raises: InputError naming `where`, when dtype or shape do not agree.
    """
    if is_sequence(port):
        return [cast(np.asarray(v), port, where) for v in value]
    array = cast(np.asarray(value), port, where)
    if not fits(array.shape, port):
        raise InputError(f'{where}: "{printable(port.name)}" has shape {list(array.shape)}, but the model takes {port}')
    return array


def cast(array: np.ndarray, port: Port, where: str) -> np.ndarray:
    """Convert to the input's dtype: integers, bools and whole floats when every value is kept, floats by rounding.

    Raises: InputError when the values would change their meaning.
    """
    name = element(port)
    have = array.dtype
    if name is None:
        raise InputError(f'{where}: "{printable(port.name)}" takes {port}, which numpy data cannot hold')
    want = np.dtype(name)
    if have == want:
        return array
    if want.kind == "O" and have.kind in "US":
        return (np.char.decode(array, "utf-8") if have.kind == "S" else array).astype(object)
    why = "they are of another kind"
    if have.kind in "biuf" and want.kind in "biuf":
        with np.errstate(over="ignore", invalid="ignore"):
            converted = array.astype(want)
            if have.kind == "f" and want.kind == "f":
                lost = np.isfinite(array) & ~np.isfinite(converted)
                lost |= np.isnan(array) & ~np.isnan(converted)
            else:
                lost = (converted.astype(have) != array) | beyond(array, want)
        if not lost.any():
            return converted
        odd = array[lost].flat[0]
        fraction = have.kind == "f" and np.isfinite(odd) and odd != np.floor(odd)
        why = f"{odd!s} {'is no whole number' if fraction else 'does not fit into that'}"
    raise InputError(f'{where}: "{printable(port.name)}" is {have.name}, but the model takes {port}: {why}')


def beyond(array: np.ndarray, want: np.dtype) -> np.ndarray:
    """Return which numbers an integer or bool dtype can't hold, whatever a cast makes of them; a float dtype takes any."""
    if array.dtype.kind == "b" or want.kind == "f":
        return np.zeros(array.shape, bool)
    low, high = (0, 1) if want.kind == "b" else (np.iinfo(want).min, np.iinfo(want).max)
    if array.dtype.kind == "f":  # high + 1 is a power of 2, and so a float
        return ~((array >= float(low)) & (array < float(high + 1)))
    least, most = np.iinfo(array.dtype).min, np.iinfo(array.dtype).max
    return (array < max(low, least)) | (array > min(high, most))
