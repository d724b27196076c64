"""Codes that come in chunks, kept until a layout asks for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.model.blobs import Blob

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model

IN_MEMORY = 1 << 24
"""Codes up to which they wait in memory; beyond, in the spool."""


def gathered(model: Model, size: int, parts: Iterable[np.ndarray]) -> Blob:
    """Return `size` codes of one byte each."""
    if size > IN_MEMORY:
        writer = model.reserve(size)
        for part in parts:
            writer.write(part)
        return writer.close()
    codes, at = np.empty(size, np.uint8), 0
    for part in parts:
        codes[at : at + part.size] = part.reshape(-1).view(np.uint8)
        at += part.size
    return Blob(size, data=codes.data)
