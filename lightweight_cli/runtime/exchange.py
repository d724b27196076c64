"""Arrays handed between a process and its child, through a temporary file without a name that both have open."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Listed = Sequence[tuple[str, str, Sequence[int], int]]
"""Name, dtype, shape and offset of each array in the file: plain data for JSON."""


class Exchange:
    """One side's view of the file. What was written is read by the other side before it writes anything itself."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def write(self, arrays: Mapping[str, np.ndarray]) -> Listed:
        """Put arrays into the file, in place of what was there. Raises: OSError when the disk is full."""
        listed, at = [], 0
        for name, array in arrays.items():
            content = memoryview(np.ascontiguousarray(array).reshape(-1).view(np.uint8))
            listed.append((name, array.dtype.str, array.shape, at))
            while content:
                done = os.pwrite(self.fd, content, at)
                content, at = content[done:], at + done
        return listed

    def read(self, listed: Listed) -> dict[str, np.ndarray]:
        """Return what the other side wrote. Raises: EOFError when bytes of it are missing."""
        return {name: self._array(np.dtype(dtype), tuple(shape), at) for name, dtype, shape, at in listed}

    def _array(self, dtype: np.dtype, shape: tuple[int, ...], at: int) -> np.ndarray:
        array = np.empty(shape, dtype)
        content: Any = memoryview(array.reshape(-1).view(np.uint8))
        while content:
            done = os.preadv(self.fd, [content], at)
            if not done:
                raise EOFError("the exchange file is too short")
            content, at = content[done:], at + done
        return array
