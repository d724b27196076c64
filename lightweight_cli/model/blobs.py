"""Payload bytes that stay in files: read by position, never mapped whole.

A position is read with pread, not through a memory map: a file that shrinks while lwc reads it
is an error of one line, not a bus error, and pages never count as memory of the process.
"""

from __future__ import annotations

import os
import tempfile
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from lightweight_cli.errors import InputError, OutputError, printable

IN_MEMORY = 1 << 20
"""Bytes up to which one spooled payload is kept in memory."""
MEMORY_BUDGET = 32 << 20
"""Bytes of all spooled payloads kept in memory together; beyond, they go to a temporary file."""
COPY = 1 << 20
AHEAD = 64
"""Bytes. Where memory begins 1 to 31 bytes behind its place in the file, counted within pages of 4 KiB, processors copy at a third of
their speed (Zen: 416 MB in .21 instead of .066 s): what is read begins that much later then."""
PAGE = 1 << 12


class Source:
    """An open file, read by position; it is closed when nothing refers to it any more."""

    def __init__(self, fd: int, name: str) -> None:
        self.fd, self.name = fd, name
        self.close = weakref.finalize(self, os.close, fd)
        """Close it now. The second time does nothing."""

    def read_into(self, offset: int, out: memoryview) -> None:
        """Fill `out` from `offset`. Raises: InputError when the file ends too early."""
        done = 0
        while done < len(out):
            try:
                got = os.preadv(self.fd, [out[done:]], offset + done)
            except OSError as e:
                raise InputError(f"{printable(self.name)}: {e.strerror}") from e
            if not got:
                raise InputError(f"{printable(self.name)}: the file became shorter while it was read")
            done += got


class Blob:
    """A run of bytes: in memory, or in a file."""

    __slots__ = ("data", "length", "offset", "source")

    def __init__(self, length: int, source: Source | None = None, offset: int = 0, data: bytes | memoryview = b"") -> None:
        self.length, self.source, self.offset, self.data = length, source, offset, data

    @property
    def lasting(self) -> bool:
        """Whether it can stay in a model as it is: it takes no memory."""
        return self.source is not None

    def read_into(self, start: int, out: memoryview) -> None:
        """Fill `out` with the bytes from `start` on."""
        if self.source is None:
            out[:] = self.data[start : start + len(out)]
        else:
            self.source.read_into(self.offset + start, out)

    def array(self, dtype: np.dtype, start: int = 0, count: int = -1, out: np.ndarray | None = None) -> np.ndarray:
        """Return elements [start, start + count): a new array of `dtype`, or in `out`, which has room for them and AHEAD bytes."""
        if count < 0:
            count = self.length // dtype.itemsize - start
        out = np.empty(count + AHEAD // dtype.itemsize, dtype) if out is None else out
        first = self.ahead(start * dtype.itemsize, out) // dtype.itemsize
        out = out[first : first + count]
        if count:
            self.read_into(start * dtype.itemsize, memoryview(out.view(np.uint8)))
        return out

    def runs(self, dtype: np.dtype, runs: Sequence[tuple[int, int]]) -> np.ndarray:
        """Return the elements of runs (start, count), one after the other: reading each by itself takes ten times as long."""
        out = np.empty(sum(count for _, count in runs), dtype)
        view, end = memoryview(out.view(np.uint8)), 0
        for start, count in runs:
            first, end = end, end + count * dtype.itemsize
            if count:
                self.read_into(start * dtype.itemsize, view[first:end])
        return out

    def ahead(self, start: int, out: np.ndarray) -> int:
        """Return the bytes to leave free at the front of `out` when the bytes from `start` on are read to it: AHEAD or none."""
        if self.source is None or out.nbytes < PAGE:
            return 0
        address: int = out.__array_interface__["data"][0]
        return AHEAD if 0 < (address - self.offset - start) % PAGE < AHEAD else 0

    def bytes(self) -> bytes:
        """Return all bytes."""
        return bytes(self.data) if self.source is None else self.array(np.dtype(np.uint8)).tobytes()

    def chunks(self, size: int = COPY, first: int = 0) -> Iterable[memoryview]:
        """Yield the bytes from `first` on, in order; a chunk is valid until the next one."""
        if self.source is None:
            yield memoryview(self.data)[first:]
            return
        memory = np.empty(min(size, self.length - first) + AHEAD, np.uint8)
        buffer = memoryview(memory)[self.ahead(first, memory) :]
        for start in range(first, self.length, size):
            part = buffer[: min(size, self.length - start)]
            self.read_into(start, part)
            yield part


class Derived(Blob):
    """Bytes that are computed from others when they are read."""

    def __init__(self, base: Blob, length: int) -> None:
        self.base, self.length, self.source, self.offset = base, length, None, 0

    def bytes(self) -> bytes:
        """Return all bytes."""
        return self.array(np.dtype(np.uint8)).tobytes()

    def chunks(self, size: int = COPY, first: int = 0) -> Iterator[memoryview]:
        """Yield the bytes from `first` on, in order."""
        for start in range(first, self.length, size):
            yield self.array(np.dtype(np.uint8), start, min(size, self.length - start)).data


class Writer:
    """Fills one reserved run of bytes, front to back."""

    def __init__(self, blob: Blob) -> None:
        self.blob, self.at = blob, 0
        self.memory = bytearray(blob.length) if blob.source is None else None

    def write(self, data: np.ndarray | bytes | memoryview) -> None:
        """Append `data`; together the writes fill the reserved length exactly."""
        flat = np.ascontiguousarray(data).reshape(-1).view(np.uint8) if isinstance(data, np.ndarray) else data
        view = memoryview(flat).cast("B")
        if self.at + len(view) > self.blob.length:
            raise AssertionError(f"payload of {self.blob.length} bytes overrun")
        if self.memory is not None:
            self.memory[self.at : self.at + len(view)] = view
        elif self.blob.source is not None:
            write_at(self.blob.source.fd, view, self.blob.offset + self.at)
        self.at += len(view)

    def close(self) -> Blob:
        """Return the finished blob."""
        if self.at != self.blob.length:
            raise AssertionError(f"payload of {self.blob.length} bytes got {self.at}")
        if self.memory is not None:
            self.blob.data = bytes(self.memory)
        return self.blob


def write_at(fd: int, view: memoryview, offset: int) -> None:
    """Write all of `view` at `offset`. Raises: OutputError."""
    done = 0
    while done < len(view):
        try:
            done += os.pwrite(fd, view[done:], offset + done)
        except OSError as e:
            raise OutputError(f"temporary data in {tempfile.gettempdir()}: {e.strerror} (TMPDIR chooses another place)") from e


class Spool:
    """Temporary payloads: small ones in memory, the rest in one file without a name."""

    def __init__(self) -> None:
        self.source: Source | None = None
        self.end = self.in_memory = 0
        self.lock = threading.Lock()

    def reserve(self, length: int) -> Writer:
        """Return a writer for `length` bytes. Raises: OutputError."""
        with self.lock:
            if length <= IN_MEMORY and self.in_memory + length <= MEMORY_BUDGET:
                self.in_memory += length
                return Writer(Blob(length))
            if self.source is None:
                try:
                    with tempfile.TemporaryFile(prefix="lwc-") as unnamed:
                        self.source = Source(os.dup(unnamed.fileno()), "temporary data")
                except OSError as e:
                    raise OutputError(f"temporary data: {e.strerror} (TMPDIR chooses another place)") from e
            offset, self.end = self.end, self.end + length
            return Writer(Blob(length, self.source, offset))

    def put(self, data: np.ndarray | bytes | memoryview) -> Blob:
        """Store `data`."""
        writer = self.reserve(data.nbytes if isinstance(data, (np.ndarray, memoryview)) else len(data))
        writer.write(data)
        return writer.close()
