"""What each pass could save: estimates from sizes alone, for choosing what to try."""

from __future__ import annotations

from lightweight_cli.inspect.formatting import size
from lightweight_cli.inspect.records import Model
from lightweight_cli.inspect.rows import Row
from lightweight_cli.inspect.tensors import DTYPES, elements

BITS_4_BLOCK_32 = 4.5
"""Bits for each weight of 4 bits in blocks of 32 with a scale of 16 bits."""
BITS_8_BLOCK_64 = 8.25
"""Bits for each weight of 8 bits in blocks of 64 with a scale of 16 bits."""
KEPT_8, FEW_4 = 0.002, 0.05
"""Share of the weights, the smallest first, that quantize leaves at 8 bits, and gives 8 bits at 4 (passes.quantize.weights)."""
MIN_BYTES = 1024
"""Weights below this are left alone: the nodes that decode one take about as much."""
FREEZE = "run -p strip:freeze_inputs=true -p quantize"
FOLD_FIRST = "run -p fold -p quantize"

STORAGE = ("smaller on disk and on the wire, not in memory: weights are decoded when the model is loaded, which takes time and memory "
           "(lwc verify measures them), and in a .ort file they are floats again")
"""What these estimates do not promise."""


class Saving:
    """One line of the estimate: the step to run, the bytes it could save, and how that was reckoned."""

    __slots__ = ("how", "nbytes", "step")

    def __init__(self, step: str, nbytes: float, how: str) -> None:
        self.step, self.nbytes, self.how = step, max(int(nbytes), 0), how


def savings_of(rows: list[Row], model: Model, duplicate_bytes: int | None) -> list[Saving]:
    """Estimate the bytes that each pass could save, all alone, on this model.

    `duplicate_bytes` is None when bytes were not compared. What passes leave is not counted: weights that callers may
    override, and those that nodes compute, which have lines of their own.
    """
    weights = [row for row in rows if row.is_weight and row.nbytes >= MIN_BYTES]
    free = [row for row in weights if not row.overridable]
    stored = [row for row in free if row.storage not in ("computed", "fake-quantized")]
    plain = [row for row in stored if row.plain]
    small_4, small_8 = (_smallest([row for row in rows if row.is_weight], share) for share in (FEW_4, KEPT_8))
    found = [
        Saving("quantize --bits 4", sum(_saved_by_bits(row, BITS_8_BLOCK_64 if row in small_4 else BITS_4_BLOCK_32) for row in stored),
               f"{BITS_4_BLOCK_32:g} bits a weight"),
        Saving("quantize --bits 8", sum(_saved_by_bits(row, BITS_8_BLOCK_64) for row in stored if row not in small_8),
               f"{BITS_8_BLOCK_64:g} bits a weight"),
        Saving("half", sum(row.nbytes * (1 - 16 / _bits(row)) for row in plain if _bits(row) > 16),
               "16 bits a weight"),
        Saving("prune --sparsity 0.5", sum(row.nbytes / 2 - _count(row) / 8 for row in plain),
               "half the weights, and a bit each"),
        Saving("fold", sum(_saved_by_bits(row, 8) for row in free if row.storage == "fake-quantized"),
               "what QuantizeLinear makes of weights"),
        Saving(FOLD_FIRST, sum(_saved_by_bits(row, BITS_8_BLOCK_64) for row in free if row.storage == "computed"),
               "weights that nodes compute"),
        Saving(FREEZE, sum(_saved_by_bits(row, BITS_8_BLOCK_64) for row in weights if row.overridable),
               "weights that callers may override"),
        _strip(rows, model),
    ]  # fmt: skip
    if duplicate_bytes is not None:
        found.append(Saving("dedupe", duplicate_bytes, "equal tensors stored once"))
    return found


def _strip(rows: list[Row], model: Model) -> Saving:
    """Estimate what strip removes: exporters' notes, unused tensors."""
    parts = {"notes": model.note_bytes, "unused": sum(row.nbytes for row in rows if not row.uses)}  # fmt: skip
    told = ", ".join(f"{name} {size(n)}" for name, n in parts.items() if n)
    return Saving("strip", sum(parts.values()), told or "notes, unused tensors")


def _smallest(weights: list[Row], share: float) -> set[Row]:
    """Return the smallest weights that together are at most `share` of all."""
    sizes = sorted(((_count(row), row) for row in weights), key=lambda pair: pair[0])
    left, found = share * sum(count for count, _ in sizes), set()
    for count, row in sizes:
        left -= count
        if left < 0:
            break
        found.add(row)
    return found


def _count(row: Row) -> int:
    """Return the number of weights; where nodes compute a shape that is not known here, of what is stored."""
    return row.elements if row.elements is not None else elements(row.stored.tensor.dims)


def _bits(row: Row) -> int:
    return DTYPES[row.stored.tensor.dtype][1]


def _saved_by_bits(row: Row, bits: float) -> float:
    return max(row.nbytes - _count(row) * bits / 8, 0)
