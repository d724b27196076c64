"""External data: which file a tensor may refer to, and where in it its bytes are.

The rule is onnxruntime's, which is what will load the model: a relative location, without "..", that
resolves to a regular file under the model's folder, or under the folder of the real model file where
that is a symbolic link (the layout of the Hugging Face cache). Everything is checked before a byte is read.

Source: CVE-2022-25882, CVE-2024-27318, CVE-2026-27489, CVE-2026-34445, CVE-2026-34447.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from lightweight_cli.errors import InputError, printable
from lightweight_cli.model.blobs import Blob, Source
from lightweight_cli.model.tensors import raw_bytes

if TYPE_CHECKING:
    from onnx import TensorProto


class Folder:
    """The folder of a model file, and the data files opened in it."""

    def __init__(self, model_path: str | None) -> None:
        self.model_path = model_path
        self.open: dict[str, tuple[Source, int]] = {}

    def blob(self, tensor: TensorProto) -> Blob:
        """Return where the bytes of an external tensor are. Raises: InputError."""
        name = printable(tensor.name or "(unnamed)")
        entries = {e.key: e.value for e in tensor.external_data}
        location = entries.get("location", "")
        want = raw_bytes(tensor)
        offset, length = (number(name, k, entries.get(k)) for k in ("offset", "length"))
        if length is not None and length != want:
            raise InputError(f"tensor {name}: external length {length}, its shape needs {want} bytes")
        source, size = self.file(name, location)
        if (offset or 0) + want > size:
            raise InputError(f"tensor {name}: needs {want} bytes at {offset or 0} of {printable(location)}, which has {size}")
        return Blob(want, source, offset or 0)

    def file(self, name: str, location: str) -> tuple[Source, int]:
        """Return the open data file and its size."""
        if location in self.open:
            return self.open[location]
        shown = f"tensor {name}: external data {printable(location)!r}"
        if self.model_path is None:
            raise InputError(f"{shown}: a model on standard input can't have external data; name the file")
        if not location or "\0" in location or "\\" in location or os.path.isabs(location) or location[1:2] == ":":
            raise InputError(f"{shown}: must be a path relative to the model's folder")
        if ".." in location.split("/"):
            raise InputError(f"{shown}: must stay in the model's folder")
        base = os.path.dirname(os.path.abspath(self.model_path))
        allowed = {os.path.realpath(base), os.path.dirname(os.path.realpath(self.model_path))}
        try:
            real = os.path.realpath(os.path.join(base, location), strict=True)
            if not any(os.path.commonpath([real, a]) == a for a in allowed):
                raise InputError(f"{shown}: a symbolic link that leaves the model's folder")
            fd = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as e:
            raise InputError(f"{shown}: {e.strerror}") from e
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            os.close(fd)
            raise InputError(f"{shown}: not a regular file")
        self.open[location] = Source(fd, location), info.st_size
        return self.open[location]

    def sizes(self) -> int:
        """Return the bytes of all data files opened."""
        return sum(size for _, size in self.open.values())


def number(name: str, key: str, text: str | None) -> int | None:
    """Parse an offset or length entry."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 19:
        raise InputError(f"tensor {name}: external {key} {printable(text)!r} is not a number of bytes")
    return int(text)
