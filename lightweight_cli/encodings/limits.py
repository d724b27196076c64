"""What decoding costs when a runtime loads the model, and how much of it is allowed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

FOLD_LIMIT = 1 << 30
"""Bytes a node's output may have for onnxruntime to compute it at load; above, it is decoded at every run."""
LOAD_MEMORY = 16.0
"""Default of Limits.load_memory: every layout fits. 7-bit planes and trees of four splits take 11 and 12."""


@dataclass(frozen=True)
class Limits:
    """What decoding one weight may take at load; what all of a model may take together: weights.load_budget."""

    load_memory: float = LOAD_MEMORY
    """Times its size as float32."""
    load_ns: float = 1000.0
    """Nanoseconds for each of its values: trees of four splits take 90, the others up to 65."""
    fold_limit: int = FOLD_LIMIT
    """Bytes of one node's output."""
    refused: Collection[str] = ()
    """Layouts that the place the model goes to does not take, or decodes at every run; trees of all depths are "tree"."""

    def allows(self, name: str) -> bool:
        """Whether a layout of this name may be written."""
        return name.partition(" of ")[0] not in self.refused

    def room(self, itemsize: int) -> float:
        """Return the bytes that decoding a value may take; half-width types count as float32, as what decodes them is int32."""
        return self.load_memory * max(4, itemsize)


DEFAULT = Limits()
