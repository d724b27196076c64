"""Several weights in one tree: their codes one after the other, decoded together as numbers, then parted.

    numbers  the smallest tree, or leaf, of all codes, with one table of the numbers of all
    parts    Split, then for each weight Reshape and what its scales need: as if it were stored alone, bit for bit

Small weights save most of what their trees' nodes and tables take. The codes are filled up to whole bytes with a part that nothing reads.
Which weights go together is numerics.bundling's to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from onnx import TensorProto

from lightweight_cli.encodings import split
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.encodings.streams import base_of
from lightweight_cli.encodings.tree import Tree, hopeless
from lightweight_cli.encodings.values import Deferred, Numbers
from lightweight_cli.numerics import packing, split_tree
from lightweight_cli.numerics.stats import distinct
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.load_cost import LoadCost
from lightweight_cli.weights.shares import shares

NAME = "bundle"
MANY = 1 << 14
"""Codes from which a weight whose codes take a byte each is not tried: some hundred bytes for nodes are then 2 % of it at most."""
PARTED = 12
"""Bytes of a part's name and size in what parts them."""
LOAD_PART = LoadCost(8, 4)
"""For every code: its number by itself, and in its shape."""


@dataclass
class Bundle:
    """Weights of which the codes are stored together."""

    members: Sequence[Coded]

    def __post_init__(self) -> None:
        self.numbers = distinct(np.concatenate([patterns(m.numbers[occurring(m)]) for m in self.members]))
        """uint32: the patterns of all numbers that occur, as float32."""
        self.size = sum(m.size for m in self.members)

    @cached_property
    def counts(self) -> np.ndarray:
        """[number]: how often each occurs."""
        return sum((spread(m, self.numbers) for m in self.members), np.zeros(self.numbers.size, np.int64))

    def coded(self, unit: int) -> Coded:
        """Return all codes as one weight's, filled up to a multiple of `unit` with the most frequent one."""
        top = int(np.argmax(self.counts))

        def parts() -> Iterator[np.ndarray]:
            for member in self.members:
                place = np.zeros(256, np.uint8)
                place[: member.count] = np.searchsorted(self.numbers, patterns(member.numbers)).astype(np.uint8)
                yield from (place.take(part) for part in member.symbols())
            yield np.full(-self.size % unit, top, np.uint8)

        histogram = np.zeros(256, np.int64)
        histogram[: self.counts.size] = self.counts
        histogram[top] += -self.size % unit
        size = self.size + -self.size % unit
        return Coded((size,), TensorProto.FLOAT, (1, size, 1), Deferred(size, parts), 0, self.counts.size, 0, None,
                     codebook=self.numbers.view(np.float32), _histogram=histogram)

    def splits(self, opset: int) -> int:
        """Return how many splits the smallest tree has."""
        return split_tree.best(self.counts, split_tree.depth_of(self.size)).splits if opset >= split.MINIMUM_OPSET else 0

    def emit(self, e: Emission, names: Sequence[str], splits: int) -> list[int]:
        """Add the nodes from packed codes to the weights of these names. Returns: the bytes that each of them answers for."""
        tree, base = Tree(splits), base_of(self.numbers.size)
        coded = self.coded(8 if tree.splits else packing.DIGITS[base] if base is not None else 1)
        numbers = tree.emit(e, coded, [-1] if tree.splits or base is not None else [coded.size])
        lengths = [m.size for m in self.members] + [coded.size - self.size] * (coded.size > self.size)
        parts = e.split(numbers.name, lengths)
        whole, found = e.nbytes, []
        for member, name, part in zip(self.members, names, parts, strict=False):
            before = e.nbytes
            e.costs(LOAD_PART, member.size)
            finish(e, member, part)
            e.finish(name)
            found.append(e.nbytes - before)
        e.label = f"{NAME} + {tree.NAME}"
        return [own + part for own, part in zip(found, shares(whole, [m.size for m in self.members]), strict=True)]


def fits(values: object) -> bool:
    """Whether a weight's codes may be stored with others': behind their scale they stand for numbers that others have too.

    Where each of many codes takes a byte and no tree saves any bits, a bundle has nothing to share: trying took 1.5 of 3.5 CPU s of a
    model of 440 MB at 8 bits.
    """
    if not isinstance(values, Coded) or values.scale is None or not 0 < values.count <= 256 or not values.size:
        return False
    few = values.count <= max(packing.DIGITS)
    return few or values.size < MANY or int(np.count_nonzero(values.sampled)) <= max(packing.DIGITS) or not hopeless(values)


def member_bytes(e: Emission, coded: Coded) -> int:
    """Return the bytes of what a weight needs in a bundle beside its codes, but for its name; `e` is empty."""
    finish(e, coded, e.name())
    return e.nbytes + PARTED


def finish(e: Emission, coded: Coded, part: str) -> None:
    """Add what makes a weight of its part of the numbers."""
    dims = coded.number_dims()
    coded.finish(e, dims, Numbers(e.reshape(part, dims) if dims != [coded.size] else part, TensorProto.FLOAT))


def occurring(coded: Coded) -> np.ndarray:
    """Return the symbols that occur, in their order."""
    return np.flatnonzero(coded.histogram[: coded.count])


def patterns(numbers: np.ndarray) -> np.ndarray:
    """Return uint32: the patterns of numbers as float32."""
    return numbers.astype(np.float32).view(np.uint32)


def spread(coded: Coded, numbers: np.ndarray) -> np.ndarray:
    """Return how often each of these patterns of numbers occurs."""
    used, counts = occurring(coded), np.zeros(numbers.size, np.int64)
    np.add.at(counts, np.searchsorted(numbers, patterns(coded.numbers[used])), coded.histogram[used])
    return counts
