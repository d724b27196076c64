"""What fold's own processes would say, asked once for each model: recipes of two steps ask the same again and again."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from lightweight_cli.checking.accuracy import Accuracy
from lightweight_cli.checking.judge import Check
from lightweight_cli.checking.verify import verify
from lightweight_cli.errors import LwcError
from lightweight_cli.runtime import optimise as child

ELSEWHERE = b"location"
"""In the bytes of a model whose payloads are in other files: such a model is asked about each time."""


class Remembered:
    """onnxruntime's optimiser and the check, in this process, with their answers for one model of the corpus."""

    def __init__(self) -> None:
        self.optimised: dict[tuple[bytes, str], tuple[str | None, dict[str, bytes]]] = {}
        self.judged: dict[tuple[bytes, bytes], Accuracy | LwcError] = {}

    def forget(self) -> None:
        """Start with another model."""
        self.optimised.clear()
        self.judged.clear()

    def optimise(self, source: str, target: str, disabled: str, size: int = 0) -> str | None:
        """Do what fold's child does, or write again what it wrote for the same bytes."""
        key = digest(source)
        if key is None:
            return child.optimise_here(source, target, disabled, size)
        folder = Path(target).parent
        if (key, disabled) not in self.optimised:
            failure = child.optimise_here(source, target, disabled, size)
            self.optimised[key, disabled] = failure, {p.name: p.read_bytes() for p in folder.iterdir()}
            return failure
        failure, files = self.optimised[key, disabled]
        for name, content in files.items():
            (folder / name).write_bytes(content)
        return failure

    def judge(self, source: str, candidate: str, check: Check, **more: Any) -> Accuracy:
        """Compare two models, or say again what came of the same two. Raises: LwcError as `verify` does."""
        first, second = digest(source), digest(candidate)
        if first is None or second is None:
            return verify(source, candidate, latency=False)
        if (first, second) not in self.judged:
            try:
                self.judged[first, second] = verify(source, candidate, latency=False)
            except LwcError as error:
                self.judged[first, second] = error
        found = self.judged[first, second]
        if isinstance(found, LwcError):
            raise found
        return found


def digest(path: str) -> bytes | None:
    """Return what tells the model at `path` from others, or None where other files are part of it."""
    content = Path(os.fspath(path)).read_bytes()
    return None if ELSEWHERE in content else hashlib.sha256(content).digest()
