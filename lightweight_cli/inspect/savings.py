"""What each pass could save: estimates from sizes alone, for choosing what to try."""

from __future__ import annotations

from lightweight_cli.inspect.rows import Row
from lightweight_cli.inspect.tensors import DTYPES

BITS_4_BLOCK_32 = 4.5
"""Bits for each weight of 4 bits in blocks of 32 with a scale of 16 bits."""
BITS_8_BLOCK_64 = 8.25
"""Bits for each weight of 8 bits in blocks of 64 with a scale of 16 bits."""
MIN_BYTES = 1024
"""Weights below this are left alone: the nodes that decode one take about as much."""


class Saving:
    """One line of the estimate: the step to run, the bytes it could save, and how that was reckoned."""

    __slots__ = ("how", "nbytes", "step")

    def __init__(self, step: str, nbytes: float, how: str) -> None:
        self.step, self.nbytes, self.how = step, max(int(nbytes), 0), how


def savings_of(rows: list[Row], metadata_bytes: int, duplicate_bytes: int | None) -> list[Saving]:
    """Estimate the bytes that each pass could save, all alone, on this model.

    `metadata_bytes` are doc strings and value_info; `duplicate_bytes` is None when bytes were not compared.
    """
    weights = [row for row in rows if row.float_weight and row.nbytes >= MIN_BYTES]
    unused = sum(row.nbytes for row in rows if not row.uses)
    found = [
        Saving("quantize --bits 4", sum(_saved_by_bits(row, BITS_4_BLOCK_32) for row in weights),
               f"{BITS_4_BLOCK_32:g} bits a weight"),
        Saving("quantize --bits 8", sum(_saved_by_bits(row, BITS_8_BLOCK_64) for row in weights),
               f"{BITS_8_BLOCK_64:g} bits a weight"),
        Saving("half", sum(row.nbytes * (1 - 16 / _bits(row)) for row in weights if _bits(row) > 16),
               "16 bits a weight"),
        Saving("prune --sparsity 0.5", sum(row.nbytes / 2 - (row.elements or 0) / 8 for row in weights),
               "half the weights, and a bit each"),
        Saving("strip", metadata_bytes + unused, "doc strings, shapes, unused tensors"),
    ]  # fmt: skip
    if duplicate_bytes is not None:
        found.append(Saving("dedupe", duplicate_bytes, "equal tensors stored once"))
    return found


def _bits(row: Row) -> int:
    return DTYPES[row.stored.tensor.dtype][1]


def _saved_by_bits(row: Row, bits: float) -> float:
    return max(row.nbytes - (row.elements or 0) * bits / 8, 0)
