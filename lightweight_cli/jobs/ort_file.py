"""A result as a .ort file, and beside it the list of operators that a small build of onnxruntime needs to run it."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile

from lightweight_cli.errors import InputError, OutputError, UsageError, printable
from lightweight_cli.model.blobs import Blob, Source
from lightweight_cli.model.output import Candidate
from lightweight_cli.model.sibling import sibling
from lightweight_cli.model.wire import Payload
from lightweight_cli.runtime import ort_format

SUFFIX = ".ort"


class OrtCandidate(Candidate):
    """A .ort file without its name, and its list of operators, which takes its name with it."""

    def __init__(self, target: str | None, needs: str) -> None:
        super().__init__(target)
        self.needs = needs

    def publish(self) -> None:
        """Give both files their names; a stream has no list. Raises: OutputError, BrokenPipeError."""
        if self.stream or self.target is None:
            super().publish()
            return
        path = needs_path(self.target)
        name = sibling(path)
        try:
            with open(name, "w", encoding="utf-8") as file:
                file.write(self.needs)
            super().publish()
            os.replace(name, path)
        except BaseException as e:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
            if isinstance(e, OSError):
                raise OutputError(f"{self.shown}: {e.strerror}: {printable(path)}") from e
            raise


def needs_path(target: str) -> str:
    """Return the name of the list of operators beside a .ort file."""
    return f"{target.removesuffix(SUFFIX)}.{ort_format.NEEDS}"


def refuse_name(target: str | None, force: bool) -> None:
    """Check the names of a .ort file and its list before the work. Raises: UsageError."""
    if target is None or target.startswith("/dev/"):
        return
    if not target.endswith(SUFFIX):
        raise UsageError(f"{printable(target)}: --target ort-format writes a {SUFFIX} file, and onnxruntime knows it by its name")
    if os.path.exists(needs_path(target)) and not force:
        raise UsageError(f"{printable(needs_path(target))}: exists; -f replaces it")


def converted(candidate: Candidate, target: str | None) -> OrtCandidate:
    """Return a written model as a .ort file, in its place. Raises: InputError, OutputError."""
    with tempfile.TemporaryDirectory(prefix="lwc-") as folder:
        try:
            if not candidate.inherited:
                raise InputError(f"{candidate.shown}: a model over 2 GiB has no .ort form")
            shutil.copyfile(candidate.path, os.path.join(folder, f"{ort_format.STEM}.onnx"))
            size = candidate.size
        finally:
            candidate.discard()
        why = ort_format.convert(folder, size)
        if why is not None:
            raise InputError(f"onnxruntime can't write the model as {SUFFIX}: {printable(why, 240)}")
        made = os.path.join(folder, f"{ort_format.STEM}{SUFFIX}")
        with open(os.path.join(folder, ort_format.NEEDS), encoding="utf-8") as file:
            needs = "".join(line for line in file if not line.startswith("#"))
        result = OrtCandidate(target, needs)
        try:
            with open(made, "rb") as ort:
                length = os.fstat(ort.fileno()).st_size
                result.write([Payload(0, length)], [Blob(length, Source(os.dup(ort.fileno()), made))])
        except BaseException:
            result.discard()
            raise
        return result


def told(candidate: Candidate, before: int) -> list[str]:
    """Return what a report says of a .ort file."""
    if candidate.stream or candidate.target is None:
        said = ["the list of operators for a small build of onnxruntime is not written: it needs a name, -o"]
    else:
        said = [f"operators for a small build of onnxruntime: {printable(needs_path(candidate.target), 200)}"]
    if candidate.size > before:
        said.append("larger than the model that was read: .ort files hold weights as floats, and the graph once more")
    return said
