"""Arrays with a sample axis, split into batches that a model takes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lightweight_cli.data.conform import cast, fits
from lightweight_cli.errors import InputError, printable
from lightweight_cli.runtime.sessions import Interface, Port

BATCH = 32
"""Samples a batch where the model leaves it open."""
Split = list[tuple[dict[str, np.ndarray], int, tuple[str, ...]]]


def split(arrays: Mapping[str, np.ndarray], model: Interface, ports: Mapping[str, Port], where: str,
          batch_size: int | None = None) -> Split:
    """Return (feed, samples, inputs that can be cut along samples) of each batch.

    Arrays of equal length along their first axis are split there: into `batch_size` (or BATCH) samples, or
    what the model fixes. A further axis in front of the declared shape holds one whole feed an entry.
    Arrays that fit as they are make one batch. An input without a sample axis is fed to every batch.
    Raises: InputError when an array fits in none of these ways.
    """
    data = {name: cast(array, ports[name], where) for name, array in arrays.items()}
    varying = {name: array for name, array in data.items() if not _is_constant(array, ports[name])}
    lengths = {array.shape[0] for array in varying.values()}
    if len(lengths) == 1:
        length = lengths.pop()
        if all(_is_batched(a, ports[n]) for n, a in varying.items()):
            fixed = {s[0] for n in varying if isinstance((s := ports[n].shape or (None,))[0], int)}
            if len(fixed) <= 1:
                size = fixed.pop() if fixed else batch_size or BATCH
                return _cut(data, varying, length, size, ports, where)
        if all(a.ndim == len(ports[n].shape) + 1 and fits(a.shape[1:], ports[n]) for n, a in varying.items()):
            return [({n: a[i, ...] if n in varying else a for n, a in data.items()}, 1, ()) for i in range(length)]
    for name, array in data.items():
        if not fits(array.shape, ports[name]):
            raise InputError(f'{where}: "{printable(name)}" has shape {list(array.shape)}, but the model takes '
                             f"{ports[name]}")
    return [(data, 1, ())]


def _cut(data: Mapping[str, np.ndarray], varying: Mapping[str, np.ndarray], length: int, size: int,
         ports: Mapping[str, Port], where: str) -> Split:
    """Slice the varying arrays; the last batch may be smaller where the model leaves its size open."""
    free = tuple(n for n in varying if not ports[n].shape or not isinstance(ports[n].shape[0], int))
    if length % size and len(free) < len(varying):
        raise InputError(f"{where}: {length} samples are no multiple of the {size} that the model takes at once")
    return [({n: a[at : at + size] if n in varying else a for n, a in data.items()}, min(size, length - at),
             free if len(free) == len(varying) else ()) for at in range(0, length, size)]


def _is_constant(array: np.ndarray, port: Port) -> bool:
    """Whether an array is a whole input with nothing to count samples by: a scalar, or a fixed short list."""
    return array.ndim == 0 or (len(port.shape) == 1 and port.shape != (1,) and array.shape == port.shape)


def _is_batched(array: np.ndarray, port: Port) -> bool:
    """Whether the first axis can be cut: the rest of the shape is the declared one."""
    return not port.shape or (array.ndim == len(port.shape) and fits((0, *array.shape[1:]), port._replace(
        shape=(None, *port.shape[1:]))))
