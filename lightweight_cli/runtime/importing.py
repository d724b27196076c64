"""Libraries imported for less: a third of the time that a small model takes is theirs.

The garbage collector rests meanwhile: what they make stays, and walking it again and again takes 26 ms. And onnx asks
importlib.metadata for one line, its own version: that imports a parser of e-mails, a client of sockets and thirty more modules in
40 ms, though the folder beside onnx is named after the version.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

PACKAGE, PART = "importlib", "metadata"
NAME = f"{PACKAGE}.{PART}"
INFO = ".dist-info"


@contextmanager
def importing() -> Iterator[None]:
    """Let the block import what stays until the end: from then on what is made is collected, and all that is there is left unwalked."""
    collecting = gc.isenabled()
    gc.disable()
    if NAME not in sys.modules:
        sys.modules[NAME] = short = Short(NAME)
        setattr(importlib, PART, short)  # it stays there for whoever imported it meanwhile, until the real one takes its place
    try:
        yield
        gc.freeze()
    finally:
        if collecting:
            gc.enable()
        _give_way()


class Short(ModuleType):
    """Stands for importlib.metadata: where it has no answer itself, the real one is imported and gives it."""

    @staticmethod
    def version(package: str) -> str:
        """Return the version of a package that is being imported."""
        found = told_by_folder(package)
        return str(_real().version(package)) if found is None else found

    def __getattr__(self, name: str) -> Any:
        return getattr(_real(), name)


def told_by_folder(package: str) -> str | None:
    """Return the version that the one folder beside an imported package is named after; None: there is none, or several."""
    home = os.path.dirname(next(iter(getattr(sys.modules.get(package), "__path__", ())), ""))
    start = f"{package}-"
    found = [name for name in os.listdir(home) if name.startswith(start) and name.endswith(INFO)] if home else []
    return found[0][len(start) : -len(INFO)] if len(found) == 1 else None


def _real() -> ModuleType:
    _give_way()
    return importlib.import_module(NAME)


def _give_way() -> None:
    if isinstance(sys.modules.get(NAME), Short):
        del sys.modules[NAME]
