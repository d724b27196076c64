"""A weight's own float values, read in chunks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from onnx import helper

from lightweight_cli.encodings.values import Numbers, Parts
from lightweight_cli.model.blobs import Writer
from lightweight_cli.weights.emission import Emission

CHUNK = 1 << 20
"""Values handled at a time: what a weight is read in, so that nothing is put together anew."""


@dataclass
class Floats:
    """Values of a weight of `shape` and TensorProto type `dtype`, in flat order.

    `parts` can be iterated again; `zeros` counts the elements of bit pattern 0: -0.0 is a value.
    """

    shape: tuple[int, ...]
    dtype: int
    parts: Iterable[np.ndarray]
    zeros: int
    facts: dict[str, bool] = field(default_factory=dict)
    """What is known of all values but zeros, by the name of the question."""

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def zero(self) -> int | None:
        """The bits of zero."""
        return 0

    @property
    def number_type(self) -> int:
        """TensorProto type of the values."""
        return self.dtype

    @property
    def element_dtype(self) -> np.dtype:
        """numpy dtype of the values."""
        return helper.tensor_dtype_to_np_dtype(self.dtype)

    @property
    def bits(self) -> int:
        """Bits of an element."""
        return 8 * self.element_dtype.itemsize

    def chunks(self, count: int = CHUNK) -> Iterator[np.ndarray]:
        """Yield the values in flat order, `count` at a time but for the last."""
        rest: list[np.ndarray] = []
        have = 0
        for part in self.parts:
            rest.append(part)
            have += part.size
            if have >= count:
                whole = rest[0] if len(rest) == 1 else np.concatenate(rest)
                cut = have - have % count
                yield from (whole[i : i + count] for i in range(0, cut, count))
                rest, have = [whole[cut:]] if cut < have else [], have - cut
        if have:
            yield rest[0] if len(rest) == 1 else np.concatenate(rest)

    def nonzero(self, part: np.ndarray) -> np.ndarray:
        """Return where values differ from +0 in any bit."""
        return part.view(f"u{part.itemsize}") != 0

    def instead(self, count: int, parts: Parts) -> Floats:
        """Return `count` other values, of which the same is known."""
        return Floats((count,), self.dtype, Again(parts), 0, self.facts)

    step = 1
    """Indices along the first axis of which a part must be a multiple."""

    def rows(self, start: int, stop: int) -> Floats:
        """Return the part of indices [start, stop) along the first axis."""
        inner = math.prod(self.shape[1:])
        first, last = start * inner, stop * inner

        def parts() -> Iterator[np.ndarray]:
            at = 0
            for part in self.parts:
                cut = part[max(0, first - at) : max(0, last - at)]
                at += part.size
                if cut.size:
                    yield cut

        part = Floats((stop - start, *self.shape[1:]), self.dtype, Again(parts), 0, self.facts)
        part.zeros = sum(c.size - int(np.count_nonzero(self.nonzero(c))) for c in parts())
        return part

    def number_dims(self, run: int = 1) -> list[int]:
        """Return the shape in which a layout gives the values: the weight's own."""
        return list(self.shape)

    def finish(self, e: Emission, number_dims: Sequence[int], numbers: Numbers) -> str:
        """Return the weight: the values are what a layout gives."""
        return numbers.name

    def all_are(self, question: str, test: Callable[[np.ndarray], bool]) -> bool:
        """Whether `test` holds for every chunk; asked once, for all layouts."""
        if question not in self.facts:
            self.facts[question] = all(test(part) for part in self.parts if part.size)
        return self.facts[question]


@dataclass
class Again:
    """An iterable that starts anew each time."""

    parts: Parts

    def __iter__(self) -> Iterator[np.ndarray]:
        return self.parts()


def emit_narrow(
    e: Emission, values: Floats, dims: Sequence[int], to: int, convert: Callable[[np.ndarray], np.ndarray]
) -> Numbers:
    """Add the values in the narrower type `to` and a Cast back; return the tensor of shape `dims`."""

    def produce(writer: Writer) -> None:
        for part in values.parts:
            writer.write(convert(part))

    itemsize = helper.tensor_dtype_to_np_dtype(to).itemsize
    return Numbers(e.cast(e.tensor(to, dims, values.size * itemsize, produce), values.dtype), values.dtype)
