"""Where a process and its children may import from: never from the working directory."""

from __future__ import annotations

import os
import sys


def working_directory() -> str:
    """Return the working directory, or nothing where it was removed."""
    try:
        return os.getcwd()
    except OSError:
        return ""


def home() -> str:
    """Return the folder that this package lies in."""
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def import_path() -> list[str]:
    """Return where a child may import from: what this process uses, but not the working directory."""
    here = os.path.realpath(working_directory() or "/nonexistent")
    known = [p for p in sys.path if os.path.isabs(p) and os.path.realpath(p) != here]
    return known if home() in known else [home(), *known]  # first: another installation of the package may be among them
