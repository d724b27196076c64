"""What decoding costs when a runtime loads the model, and how much of it is allowed."""

from __future__ import annotations

from dataclasses import dataclass

from lightweight_cli.registry import Option

FOLD_LIMIT = 1 << 30
"""Bytes a node's output may have for onnxruntime to compute it at load; above, it is decoded at every run."""
LOAD_MEMORY = 12.0
"""Default of Limits.load_memory: all layouts but entropy coding fit (the dearest, 7-bit planes, takes 11)."""
LOAD_MEMORY_OPTION = Option(
    "Memory that decoding may take at load, in times a weight's decoded size; 40 allows entropy coding.", min=2, max=1000)
"""How a pass exposes Limits.load_memory: `load_memory: Annotated[float, LOAD_MEMORY_OPTION] = LOAD_MEMORY`."""


@dataclass(frozen=True)
class LoadCost:
    """What a layout takes for each value it decodes: bytes of all nodes' outputs, nanoseconds of one core.

    onnxruntime frees what it folded when all folding is done, so the outputs of all nodes add up.
    """

    bytes: float
    ns: float


@dataclass(frozen=True)
class Limits:
    """What decoding one weight may take at load."""

    load_memory: float = LOAD_MEMORY
    """Times its decoded size."""
    load_ns: float = 1000.0
    """Nanoseconds for each of its values: entropy coding takes 170, the others up to 50."""
    fold_limit: int = FOLD_LIMIT
    """Bytes of one node's output."""

    def room(self, itemsize: int) -> float:
        """Return the bytes that decoding a value may take; half-width types count as float32, as what decodes them is int32."""
        return self.load_memory * max(4, itemsize)


DEFAULT = Limits()
