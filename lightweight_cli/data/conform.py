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
    """Convert to the input's dtype: integers and bools when every value is kept, floats by rounding.

    Raises: InputError when the values would change their meaning.
    """
    name = element(port)
    have = array.dtype
    if name is None:
        raise InputError(f'{where}: "{printable(port.name)}" takes {port}, which numpy data cannot hold')
    want = np.dtype(name)
    if have == want:
        return array
    kept = want.kind == "O" and have.kind in "US"
    if have.kind in "biuf" and want.kind in "biuf":
        with np.errstate(over="ignore", invalid="ignore"):
            cast_ = array.astype(want)
        if have.kind == "f" and want.kind == "f":
            kept = bool(np.array_equal(np.isfinite(array), np.isfinite(cast_)))
        elif have.kind != "f":
            with np.errstate(invalid="ignore"):
                kept = bool(np.array_equal(cast_.astype(have), array)) and not (
                    have.kind == "i" and want.kind == "u" and array.size and array.min() < 0) and not (
                    have.kind == "u" and want.kind == "i" and array.size and int(array.max()) > np.iinfo(want).max)
        if kept:
            return cast_
    elif kept:
        return (np.char.decode(array, "utf-8") if have.kind == "S" else array).astype(object)
    raise InputError(f'{where}: "{printable(port.name)}" is {have.name}, but the model takes {port}, '
                     "and the values do not all fit into that")
