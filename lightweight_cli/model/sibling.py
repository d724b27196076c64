"""Where a result is written before it takes its name."""

from __future__ import annotations

import os


def sibling(target: str) -> str:
    """Return a hidden name in the target's folder that nothing else uses."""
    folder, name = os.path.split(target)
    short = os.fsdecode(os.fsencode(name)[:100])
    return os.path.join(folder, f".{short}.{os.getpid()}.lwc-tmp")
