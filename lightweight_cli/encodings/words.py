"""How a weight is stored, in words: "4 bits, scale per block of 32"."""

from __future__ import annotations

from types import ModuleType

from lightweight_cli.encodings import bfloat16, delta, float16, mask
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.encodings.floats import Floats
from lightweight_cli.encodings.summed import Summed
from lightweight_cli.encodings.tree import Tree
from lightweight_cli.encodings.values import Layout
from lightweight_cli.encodings.vectors import Vectors

SPARSE = {mask.NAME: "zeros as a bitmask", delta.NAME: "zeros as gaps"}


def stored_as(values: Coded | Floats | Vectors | Summed, sparse: ModuleType | None, layout: Layout) -> str:
    """Return what a reader wants to know of a layout, or of a sparse layout with another one for the non-zeros."""
    if isinstance(values, Vectors):
        parts = [of_vectors(values)]
    elif isinstance(values, Summed):
        parts = [f"{plural(values.bits, 'bit')} in two parts"]
    elif isinstance(values, Coded):
        parts = [f"{plural(values.bits, 'bit')}", *of_codes(values)]
    else:
        parts = [layout.NAME if layout.NAME in (float16.NAME, bfloat16.NAME) else values.element_dtype.name]
    if isinstance(layout, Tree) and layout.splits:
        parts.append(f"frequent values in fewer bits, {plural(layout.splits, 'split')}")
    return ", ".join([*parts, *([SPARSE[sparse.NAME]] if sparse is not None else [])])


def of_codes(coded: Coded) -> list[str]:
    """Say what codes stand for."""
    said = [] if coded.codebook is None else [f"codebook of {coded.count}"]
    if coded.scale is None:
        return said
    a, r, p = coded.groups
    channel = coded.broadcast() is not None and a * p in coded.shape
    said.append("one scale" if a * p == 1 else "scale per channel" if channel else f"scale per block of {r}")
    return [*said, *["zero points"] * (coded.zero_point is not None)]


def of_vectors(coded: Vectors) -> str:
    """Say how many bits stand for how many weights."""
    bits = max((len(codebook) - 1).bit_length() for codebook in coded.codebooks)
    stages = f" in {len(coded.codes)} stages" if len(coded.codes) > 1 else ""
    return f"{plural(bits, 'bit')} for {plural(coded.width, 'weight')}{stages}"


def plural(count: int, noun: str) -> str:
    """Return "1 bit", "4 bits"."""
    return f"{count} {noun}{'s' * (count != 1)}"
