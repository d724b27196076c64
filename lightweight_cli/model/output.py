"""The result as a file that appears whole or not at all.

It is first written to a file without a name (Linux: O_TMPFILE in the folder of the output), or to a hidden sibling where
that can't be had. It is checked there, and only then takes the output's name by rename.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Iterable

from lightweight_cli.errors import OutputError, UsageError, printable
from lightweight_cli.model import wire
from lightweight_cli.model.blobs import COPY, Blob, Source
from lightweight_cli.model.sibling import sibling

KERNEL = 1 << 16
"""Bytes of a payload from which the kernel copies it: on file systems that share blocks between files, nothing is copied at all."""


class Candidate:
    """A written result without its name: `path` opens it, `publish` names it, `discard` ends it."""

    def __init__(self, target: str | None) -> None:
        """Open a temporary file beside `target`, or anywhere for a device; None is standard output.

        Raises: OutputError when the folder is missing or can't be written.
        """
        self.shown = printable(target if target is not None else "standard output")
        self.stream = target is None or is_device(target)
        self.target = target if self.stream else os.path.realpath(target or "")
        self.size = 0
        self.fd, self.temporary = -1, None
        folder, name = os.path.split(self.target or "") if not self.stream else (tempfile.gettempdir(), "out")
        try:
            self.fd, self.temporary = open_unnamed(folder, name)
        except OSError as e:
            raise OutputError(f"{self.shown}: {e.strerror}: {printable(folder)}") from e

    @property
    def path(self) -> str:
        """A path that opens the written file, here and in children that inherit `inherited`."""
        return self.temporary or f"/dev/fd/{self.fd}"

    @property
    def inherited(self) -> tuple[int, ...]:
        """Descriptors a child needs to open `path`."""
        return (self.fd,)

    def write(self, pieces: Iterable[wire.Piece], blobs: list[Blob]) -> None:
        """Write the pieces of a message in order. Raises: OutputError, InputError."""
        try:
            self.size = write_pieces(self.fd, pieces, blobs)
        except OSError as e:
            raise OutputError(f"{self.shown}: {e.strerror}") from e

    def digest(self) -> str:
        """Return the SHA-256 of the written model file, before it is published."""
        import hashlib

        h = hashlib.sha256()
        with open(self.path, "rb") as file:
            while data := file.read(COPY):
                h.update(data)
        return h.hexdigest()

    def publish(self) -> None:
        """Give the file its name, or copy it to the stream. Raises: OutputError, BrokenPipeError."""
        try:
            if self.stream:
                os.lseek(self.fd, 0, os.SEEK_SET)
                copy_to(self.fd, self.target)
                return
            assert self.target is not None
            os.fsync(self.fd)
            if self.temporary is None:
                name = sibling(self.target)
                os.link(f"/proc/self/fd/{self.fd}", name, src_dir_fd=self.fd, follow_symlinks=True)  # a dir_fd: linkat
                self.temporary = name
            os.replace(self.temporary, self.target)
            self.temporary = None
        except BrokenPipeError:
            raise
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


def write_pieces(fd: int, pieces: Iterable[wire.Piece], blobs: list[Blob]) -> int:
    """Write pieces to `fd`. Returns: bytes written. Raises: OSError."""
    size = 0
    for piece in pieces:
        if isinstance(piece, wire.Payload):
            size += write_blob(fd, blobs[piece.id])
        else:
            size += write_all(fd, memoryview(piece))
    return size


def write_blob(fd: int, blob: Blob) -> int:
    """Write a payload: what is in a file by the kernel, the rest, and all where it can't, by way of memory. Returns: bytes written."""
    done = copied(fd, blob.source, blob.offset, blob.length) if blob.source is not None and blob.length >= KERNEL else 0
    for part in blob.chunks(COPY, done):
        done += write_all(fd, part)
    return done


def copied(fd: int, source: Source, offset: int, length: int) -> int:
    """Let the kernel copy a run of `source` to the end of what is written. Returns: bytes copied, fewer where it does not go on."""
    done = 0
    while done < length:
        try:
            got = os.copy_file_range(source.fd, fd, length - done, offset + done)
        except (OSError, AttributeError):  # another system or file system, a pipe, a full disk: writing tells what it is
            return done
        if not got:
            return done
        done += got
    return done


def write_all(fd: int, view: memoryview) -> int:
    """Write all of `view`. Returns: its bytes. Raises: OSError."""
    done = 0
    while done < len(view):
        done += os.write(fd, view[done:])
    return done


def open_unnamed(folder: str, name: str) -> tuple[int, str | None]:
    """Open a new file in `folder`: (descriptor, its path, or None while it has no name)."""
    if hasattr(os, "O_TMPFILE") and os.path.exists("/proc/self/fd"):
        try:
            return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o666), None
        except (PermissionError, FileNotFoundError, NotADirectoryError):
            raise
        except OSError:  # a file system without O_TMPFILE
            pass
    path = sibling(os.path.join(folder, name))
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o666), path


def copy_to(fd: int, device: str | None) -> None:
    """Copy the file `fd` to standard output, or to a device."""
    out = sys.stdout.fileno() if device is None else os.open(device, os.O_WRONLY | os.O_CLOEXEC)
    try:
        while data := os.read(fd, COPY):
            write_all(out, memoryview(data))
    finally:
        if device is not None:
            os.close(out)


def is_device(target: str) -> bool:
    """Whether the output exists and is neither a file nor a directory."""
    try:
        mode = os.stat(target).st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def refuse_target(target: str, model_path: str | None, force: bool) -> None:
    """Check the output's name before any work is done.

    Raises: UsageError for an existing file without `force`, OutputError where nothing can be written.
    """
    shown = printable(target)
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        folder = os.path.dirname(os.path.realpath(target))
        if not os.path.isdir(folder):
            raise OutputError(f"{shown}: the folder {printable(folder)} does not exist") from None
        if not os.path.basename(target):
            raise OutputError(f"{shown}: is a folder; name a file") from None
        return
    except (OSError, ValueError) as e:
        raise OutputError(f"{shown}: {getattr(e, 'strerror', None) or e}") from e
    if stat.S_ISDIR(mode):
        raise OutputError(f"{shown}: is a directory; name a file")
    if stat.S_ISCHR(mode):
        with open(target, "wb", buffering=0) as device:
            if device.isatty():
                raise UsageError(f"{shown}: a model is not written to a terminal; name a file")
    if is_device(target):  # a pipe is not opened here: its reader would see its end
        return
    if not os.access(target, os.W_OK):
        raise OutputError(f"{shown}: the file can't be written")
    if not force:
        what = "is the input itself" if model_path and os.path.samefile(target, model_path) else "exists"
        raise UsageError(f"{shown}: {what}; -f replaces it")
