"""A model as one mapped buffer, wherever it comes from, and the files with its external data."""

from __future__ import annotations

import mmap
import os
import stat
import sys

from lightweight_cli.errors import InputError, UsageError, printable
from lightweight_cli.inspect.value import Stored
from lightweight_cli.model.sniff import HEAD, explain

SPOOL_PIECE = 1 << 20


class Source:
    """A model file (None or "-": standard input), mapped into memory."""

    def __init__(self, path: str | None) -> None:
        self.standard_input = path in (None, "-")
        self.name = "standard input" if path is None or path == "-" else path
        self.folder = None if self.standard_input else os.path.dirname(os.path.abspath(self.name))
        self.externals: dict[str, External] = {}
        try:
            handle = _spooled() if self.standard_input else os.open(self.name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                self.buf = self._map(handle)
            finally:
                os.close(handle)
        except FileNotFoundError:
            raise InputError(f"{printable(self.name)}: no such file") from None
        except OSError as error:
            raise InputError(f"{printable(self.name)}: can't be read ({error.strerror or error})") from None

    def _map(self, handle: int) -> mmap.mmap:
        found = os.fstat(handle)
        if stat.S_ISDIR(found.st_mode):
            raise InputError(f"{printable(self.name)}: a folder, not a model file")
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"{printable(self.name)}: not a regular file; pipe it in instead")
        head = os.pread(handle, HEAD, 0)
        reason = explain(head, found.st_size)
        if reason:
            raise InputError(f"{printable(self.name)}: not an ONNX model but {reason}")
        return mmap.mmap(handle, 0, access=mmap.ACCESS_READ)

    def external(self, location: str) -> External:
        """Return the file with external data at `location`, which need not exist."""
        if location not in self.externals:
            self.externals[location] = External(self.folder, location)
        return self.externals[location]

    def payload(self, stored: Stored) -> memoryview:
        """Return a tensor's bytes as they are stored.

        Raises: InputError when its external file lacks them.
        """
        tensor = stored.tensor
        if tensor.external is None:
            return memoryview(self.buf)[tensor.at : tensor.at + tensor.nbytes]
        location, offset = tensor.external.get("location", ""), tensor.external.get("offset", "0")
        external = self.external(location)
        at = int(offset) if offset.isdecimal() and len(offset) < 19 else external.size
        view = external.view(at, stored.nbytes)
        if view is None:
            raise InputError(f"{printable(self.name)}: external data {printable(location)} of tensor "
                             f"{printable(stored.name)}: {external.problem or 'too short'}")  # fmt: skip
        return view


class External:
    """A file with external data: its size, or why it is not read."""

    def __init__(self, folder: str | None, location: str) -> None:
        self.size, self.problem = 0, ""
        self.path = ""
        self.buf: mmap.mmap | None = None
        if folder is None:
            self.problem = "not known: the model came through a pipe"
        elif not location or os.path.isabs(location) or ".." in location.replace("\\", "/").split("/"):
            self.problem = "refused: outside the model's folder"
        elif "\0" in location or not os.path.isfile(os.path.join(folder, location)):
            self.problem = "missing"
        else:
            self.path = os.path.join(folder, location)
            self.size = os.path.getsize(self.path)

    def view(self, at: int, nbytes: int) -> memoryview | None:
        """Return `nbytes` bytes from `at`, or None when the file has not got them."""
        if self.problem or nbytes < 0 or at + nbytes > self.size:
            return None
        if not nbytes:
            return memoryview(b"")
        if self.buf is None:
            with open(self.path, "rb") as file:
                self.buf = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return memoryview(self.buf)[at : at + nbytes]


def _spooled() -> int:
    """Return a handle on standard input, or on a temporary copy of it when it is a pipe."""
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("no model: name a file, or pipe a model into lwc")
    handle = os.dup(0)
    if stat.S_ISREG(os.fstat(handle).st_mode) and os.lseek(handle, 0, os.SEEK_CUR) == 0:
        return handle
    import tempfile

    with tempfile.TemporaryFile() as copy:
        while piece := os.read(handle, SPOOL_PIECE):
            copy.write(piece)
        copy.flush()
        os.close(handle)
        return os.dup(copy.fileno())
