"""The result as a file that appears whole or not at all.

The candidate is first written to a file without a name (Linux: O_TMPFILE in the folder of the output), or to a
hidden sibling where that can't be had. It is checked there, and only then takes the output's name by rename.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Iterable

from lightweight_cli import wire
from lightweight_cli.blobs import COPY, Blob
from lightweight_cli.errors import InputError, OutputError, UsageError, printable
from lightweight_cli.model_io import Model

SINGLE_FILE = (1 << 31) - (1 << 20)
"""Bytes from which a model is written with external data: protobuf messages end at 2 GiB."""
ALIGN = 64
PIPE_BUFFER = 1 << 16


class Candidate:
    """A result that is written but has not taken its name: `path` opens it, `publish` names it."""

    def __init__(self, target: str | None, inherit: Model) -> None:
        """Open a temporary file beside `target`; None is standard output.

        Raises: OutputError when the folder is missing or can't be written.
        """
        self.target = os.path.realpath(target) if target is not None else None
        self.shown = printable(target if target is not None else "standard output")
        self.names: list[tuple[str, str]] = []
        self.fd, self.temporary, self.size = -1, None, 0
        self.model = inherit
        folder = os.path.dirname(self.target) if self.target else tempfile.gettempdir()
        try:
            self.fd, self.temporary = open_unnamed(folder or ".", os.path.basename(self.target or "out"))
        except OSError as e:
            raise OutputError(f"{self.shown}: {e.strerror}: {printable(folder)}") from e

    @property
    def path(self) -> str:
        """A path that opens the written file, in this process and in children that inherit `fd`."""
        return self.temporary or f"/dev/fd/{self.fd}"

    def write(self, pieces: Iterable[wire.Piece], blobs: list[Blob]) -> None:
        """Write the pieces of a message in order. Raises: OutputError, InputError."""
        try:
            for piece in pieces:
                if not isinstance(piece, wire.Payload):
                    self._all(memoryview(piece))
                    continue
                for chunk in blobs[piece.id].chunks(COPY):
                    self._all(chunk)
            os.lseek(self.fd, 0, os.SEEK_SET)
        except OSError as e:
            raise OutputError(f"{self.shown}: {e.strerror}") from e

    def _all(self, view: memoryview) -> None:
        while len(view):
            done = os.write(self.fd, view)
            self.size += done
            view = view[done:]

    def publish(self) -> None:
        """Give the file its name, or copy it to standard output. Raises: OutputError."""
        try:
            if self.target is None:
                copy_to_stdout(self.fd)
                return
            os.fsync(self.fd)
            if self.temporary is None:
                name = sibling(self.target)
                os.link(f"/proc/self/fd/{self.fd}", name, src_dir_fd=self.fd, follow_symlinks=True)  # a dir_fd: linkat
                self.temporary = name
            os.replace(self.temporary, self.target)
            self.temporary = None
        except OSError as e:
            raise OutputError(f"{self.shown}: {e.strerror}") from e

    def discard(self) -> None:
        """Close the file; if it did not take its name, leave nothing behind."""
        if self.temporary is not None:
            os.unlink(self.temporary)
            self.temporary = None
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def open_unnamed(folder: str, name: str) -> tuple[int, str | None]:
    """Open a new file in `folder`: (descriptor, its path or None while it has no name)."""
    if hasattr(os, "O_TMPFILE") and os.path.exists("/proc/self/fd"):
        try:
            return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o666), None
        except (IsADirectoryError, OSError) as e:
            if isinstance(e, (PermissionError, FileNotFoundError, NotADirectoryError)):
                raise
    path = sibling(os.path.join(folder, name))
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o666), path


def sibling(target: str) -> str:
    """Return a hidden name in the target's folder that nothing else uses."""
    folder, name = os.path.split(target)
    return os.path.join(folder, f".{name[:100]}.{os.getpid()}.lwc-tmp")


def copy_to_stdout(fd: int) -> None:
    """Copy the file `fd` to standard output."""
    out = sys.stdout.fileno()
    while data := os.read(fd, COPY):
        view = memoryview(data)
        while len(view):
            view = view[os.write(out, view[:COPY]) :]


def refuse_target(target: str, model_path: str | None, force: bool, own: bool) -> None:
    """Check the output's name before any work is done.

    `own`: the name was chosen by lwc. An existing file needs `force`; the input itself too.
    Raises: UsageError, OutputError.
    """
    shown = printable(target)
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        folder = os.path.dirname(os.path.realpath(target))
        if not os.path.isdir(folder):
            raise OutputError(f"{shown}: the folder {printable(folder)} does not exist") from None
        return
    except OSError as e:
        raise OutputError(f"{shown}: {e.strerror}") from e
    if stat.S_ISDIR(mode):
        raise OutputError(f"{shown}: is a directory; name a file")
    if not stat.S_ISREG(mode):
        raise OutputError(f"{shown}: not a regular file; use -o - and a pipe to write to a device")
    if force or own:
        return
    if model_path is not None and os.path.samefile(target, model_path):
        raise UsageError(f"{shown}: is the input itself; -f replaces it")
    raise UsageError(f"{shown}: exists; -f replaces it")


def pieces_of(model: Model) -> tuple[list[wire.Piece], int]:
    """Return the pieces of the model as one file, and its size."""
    return wire.splice(model.serialized(), model.mark, lambda i: model.blobs[i].length)


def external_pieces(model: Model, location: str) -> tuple[list[wire.Piece], list[wire.Piece]]:
    """Return the pieces of the model file and of its data file, named `location` in it."""
    data: list[wire.Piece] = []
    at = 0

    def refer(i: int) -> bytes:
        nonlocal at
        length = model.blobs[i].length
        pad = -at % ALIGN
        if pad:
            data.append(bytes(pad))
        data.append(wire.Payload(i, length))
        offset, at = at + pad, at + pad + length
        return wire.external(("location", location), ("offset", str(offset)), ("length", str(length)))

    pieces, size = wire.splice(model.serialized(), model.mark, refer)
    if size > SINGLE_FILE:
        raise InputError(f"{model.shown}: {size} bytes without its weights: over protobuf's 2 GiB")
    return pieces, data
