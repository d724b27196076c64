"""A result over 2 GiB: a model file and a data file beside it, both in place before the model takes its name."""

from __future__ import annotations

import hashlib
import os
import shutil

from lightweight_cli.errors import OutputError, UsageError
from lightweight_cli.model import wire
from lightweight_cli.model.model import Model
from lightweight_cli.model.output import Candidate, write_pieces
from lightweight_cli.model.sibling import sibling

SINGLE_FILE = (1 << 31) - (1 << 20)
"""Bytes from which a model is written with external data: protobuf messages end at 2 GiB."""
ALIGN = 64
INLINE = 1 << 16
"""Bytes up to which a payload stays in the model file: a reference would cost more than it tells."""


class ExternalCandidate(Candidate):
    """A model file and its data file, in a hidden folder beside the target until they are published."""

    def __init__(self, target: str | None) -> None:
        if target is None:
            raise UsageError("standard output: a model over 2 GiB has a data file beside it; name a file with -o")
        self.shown, self.stream, self.size, self.fd = target, False, 0, -1
        self.target = os.path.realpath(target)
        self.folder = sibling(self.target)
        self.data_name = ""
        try:
            os.mkdir(self.folder)
        except OSError as e:
            raise OutputError(f"{self.shown}: {e.strerror}") from e

    @property
    def path(self) -> str:
        """The model file in the hidden folder."""
        return os.path.join(self.folder, os.path.basename(self.target or ""))

    @property
    def inherited(self) -> tuple[int, ...]:
        """Nothing: the file has a name."""
        return ()

    def write_model(self, model: Model) -> None:
        """Write both files. Raises: OutputError, InputError."""
        # The name of the data file says what is in it: an older model beside it keeps its own.
        key = hashlib.sha256(model.serialized().replace(model.mark.encode(), b"")).hexdigest()[:8]
        base = os.path.basename(self.target or "")[:200]
        # Where nothing was gained, names and padding must not make the whole larger than it was.
        for self.data_name, align in ((f"{base}.{key}.data", ALIGN), (f"{key}.data", 1), (key[:2], 1)):
            pieces, data, size = external_pieces(model, self.data_name, align)
            if size <= model.total_size:
                break
        try:
            self.size = self._file(self.path, pieces, model) + self._file(os.path.join(self.folder, self.data_name), data, model)
        except OSError as e:
            raise OutputError(f"{self.shown}: {e.strerror}") from e

    def _file(self, path: str, pieces: list[wire.Piece], model: Model) -> int:
        with open(path, "wb", buffering=0) as f:
            size = write_pieces(f.fileno(), pieces, model.blobs)
            os.fsync(f.fileno())
        return size

    def publish(self) -> None:
        """Move the data file, then the model file, into place. Raises: OutputError."""
        assert self.target is not None
        try:
            os.replace(os.path.join(self.folder, self.data_name), os.path.join(os.path.dirname(self.target), self.data_name))
            os.replace(self.path, self.target)
        except OSError as e:
            raise OutputError(f"{self.shown}: {e.strerror}") from e

    def discard(self) -> None:
        """Remove the hidden folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def single_pieces(model: Model) -> tuple[list[wire.Piece], int]:
    """Return the pieces of the model as one file, and its size."""
    return wire.splice(model.serialized(), model.mark, lambda i: model.blobs[i].length)


def external_pieces(model: Model, location: str, align: int) -> tuple[list[wire.Piece], list[wire.Piece], int]:
    """Return the pieces of the model file and of its data file, which it calls `location`, and the size of both."""
    data: list[wire.Piece] = []
    at = 0

    def refer(i: int) -> int | bytes:
        nonlocal at
        length = model.blobs[i].length
        if length <= INLINE:
            return length
        pad = -at % align
        data.extend((bytes(pad), wire.Payload(i, length)))
        offset, at = at + pad, at + pad + length
        return wire.external(("location", location), ("offset", str(offset)), ("length", str(length)))

    pieces, size = wire.splice(model.serialized(), model.mark, refer)
    return pieces, data, size + at


def write_candidate(model: Model, target: str | None) -> Candidate:
    """Write the model to a candidate for `target`: one file, or two above 2 GiB. Raises: OutputError, UsageError."""
    pieces, size = single_pieces(model)
    if size <= SINGLE_FILE:
        candidate = Candidate(target)
        try:
            candidate.write(pieces, model.blobs)
        except BaseException:
            candidate.discard()
            raise
        return candidate
    external = ExternalCandidate(target)
    try:
        external.write_model(model)
    except BaseException:
        external.discard()
        raise
    return external
