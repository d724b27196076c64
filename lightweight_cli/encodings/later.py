"""Trees with splits are left for later where a weight has many codes: to price them all codes are counted, and decoding them takes most.

Where not even the forms that take least at load have room, weights end at those, and no tree is asked for: a BERT of 440 MB at 4 bits.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from lightweight_cli.encodings import choose, counting, split
from lightweight_cli.encodings.coded import LOAD_OPERATION, Coded
from lightweight_cli.encodings.limits import DEFAULT, LOAD_MEMORY, Limits
from lightweight_cli.encodings.tree import LARGEST, LOAD_NUMBERS, Tree, hopeless
from lightweight_cli.numerics import split_tree
from lightweight_cli.numerics.packing import DIGITS
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.further import Further

TREE = Tree(1)
LEAST = 14.5
"""Bytes that each code takes at load, about, in the form with scales that takes least: where all have room, no tree is left for later."""
ROWS = split.LOAD_SINGLE.bytes + split.LOAD_ELEMENT.bytes + LOAD_NUMBERS.bytes - split.LEFT_TO_ROWS
"""Bytes of a code that the first split takes, if it takes one kind of code off, and of each that it leaves, in packed leaves."""
LOAD_LOOKUP = 2.0
SEVERAL, REST = 4, 0.1
"""Kinds of codes from which what is left takes a leaf, and the share of codes that is left at most for sure."""
SURE = 0.98
"""Bytes of the best tree, as some of many codes tell, for each byte of one leaf, up to which it is smaller for sure."""


def for_codes(new: choose.New, coded: Coded, name: str, limits: Limits = DEFAULT) -> tuple[list[Emission], Further | None]:
    """Return one emission for each way to store `coded`, as choose.for_codes does, but for those that can wait, and those."""
    if not waits(coded, new("").opset, limits):
        return all_for_codes(new, coded, name, limits)
    now = choose.for_codes(new, coded, name, replace(limits, refused={*limits.refused, "tree"}))
    assert coded.scale is not None
    return now, Further(
        lambda: choose.for_codes(new, coded, name, limits), coded.size / 8 + coded.scale.nbytes,
        (TREE.LOAD.bytes + LOAD_OPERATION.bytes) * coded.size, by_rows(coded), cache(lambda: smaller(coded, now)))


def all_for_codes(new: choose.New, coded: Coded, name: str, limits: Limits = DEFAULT) -> tuple[list[Emission], Further | None]:
    """Return all of them, and none that can wait."""
    return choose.for_codes(new, coded, name, limits), None


def waits(coded: Coded, opset: int, limits: Limits) -> bool:
    """Whether all trees can wait: they have scales to apply, and a bit for each code, which zeros left out have not."""
    many = counting.MANY <= coded.size <= LARGEST and coded.scale is not None and coded.scale.size > 1
    allowed = limits.allows("tree") and limits.load_memory >= LOAD_MEMORY and limits.load_ns >= DEFAULT.load_ns
    return many and allowed and opset >= split.MINIMUM_OPSET and not any(way.offers(coded, opset) for way in choose.SPARSE)


def by_rows(coded: Coded) -> float:
    """Return the least that a tree takes at load where a table is decoded by rows, if that is known: one split, and what it leaves."""
    counts = coded.sampled
    if np.count_nonzero(counts) < SEVERAL or coded.count > max(DIGITS):
        return 0.0
    rest = min(1 - counts.max() / counts.sum(), REST)
    return (ROWS + rest * (split.LOAD_ELEMENT.bytes + LOAD_LOOKUP)) * coded.size


def smaller(coded: Coded, now: list[Emission]) -> bool | None:
    """Return whether a tree is smaller than all forms of `now`, of which one leaf must be the smallest; None where that is not sure."""
    if min(now, key=lambda e: e.nbytes).label != Tree(0).NAME:
        return None
    counts = np.rint(coded.sampled * (coded.size / int(coded.sampled.sum()))).astype(np.int64)
    leaf, best = (split_tree.best(counts, depth).nbytes for depth in (0, split_tree.depth_of(coded.size)))
    if best <= SURE * leaf:
        return True
    return False if hopeless(coded) else None
