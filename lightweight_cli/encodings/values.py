"""What a layout stores: a flat run of elements, read in chunks as often as needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from lightweight_cli.model.blobs import Blob, Derived

if TYPE_CHECKING:
    from lightweight_cli.weights.emission import Emission
    from lightweight_cli.weights.load_cost import LoadCost

CHUNK = (1 << 20) - (1 << 20) % 120
"""Elements handled at a time; every packing (2, 3, 4, 5 or 8 in a byte) fits 120 of them."""
Parts = Callable[[], Iterator[np.ndarray]]


class Numbers(NamedTuple):
    """What a layout's nodes give: a tensor, and its TensorProto type."""

    name: str
    kind: int


class Values(Protocol):
    """Elements of one type, each an integer code or a float; a layout's nodes return the numbers they stand for."""

    @property
    def size(self) -> int:
        """Number of elements."""

    @property
    def zeros(self) -> int:
        """How many of them are `zero`."""

    @property
    def zero(self) -> int | None:
        """The element that stands for +0, or None where there is none."""

    @property
    def bits(self) -> int:
        """Bits that tell the elements apart."""

    @property
    def number_type(self) -> int:
        """TensorProto type of the numbers that most layouts give: bytes where they are codes, so that what is looked up is small."""

    @property
    def element_dtype(self) -> np.dtype:
        """numpy dtype of the elements."""

    def chunks(self, count: int = CHUNK) -> Iterator[np.ndarray]:
        """Yield the elements in flat order, `count` at a time but for the last."""

    def nonzero(self, part: np.ndarray) -> np.ndarray:
        """Return where elements of a chunk are not `zero`."""

    def instead(self, count: int, parts: Parts) -> Values:
        """Return `count` other elements of the same meaning, made when they are first read."""


class Layout(Protocol):
    """A way to store values: a module, or one of several of a kind."""

    @property
    def NAME(self) -> str:
        """The layout in words."""

    @property
    def MINIMUM_OPSET(self) -> int:
        """The first opset that has its operators."""

    @property
    def LOAD(self) -> LoadCost:
        """The least that decoding a value takes at load: asked before values are looked at."""

    def offers(self, values: Any, opset: int) -> bool:
        """Whether the layout can hold the values at this opset."""

    def emit(self, e: Emission, values: Any, dims: Sequence[int]) -> Numbers:
        """Add what is stored; return the tensor of the numbers, of shape `dims`."""


class Part(Derived):
    """A run of another blob."""

    def __init__(self, base: Blob, start: int, length: int) -> None:
        super().__init__(base, length)
        self.start = start

    def read_into(self, start: int, out: memoryview) -> None:
        """Fill `out` with the bytes from `start` on."""
        self.base.read_into(self.start + start, out)


class Deferred(Blob):
    """Bytes that are gathered when they are first read: only the layout that is taken needs them."""

    def __init__(self, length: int, parts: Parts) -> None:
        self.length, self.source, self.offset, self.parts = length, None, 0, parts

    @cached_property
    def data(self) -> memoryview:  # type: ignore[override]
        """The bytes, in memory."""
        return np.concatenate([np.empty(0, np.uint8), *(p.view(np.uint8) for p in self.parts())]).data
