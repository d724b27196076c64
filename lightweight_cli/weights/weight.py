"""A weight: one array with a channel axis, wherever it lives and whatever encoding stores it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from onnx import TensorProto, helper

from lightweight_cli.model.scopes import Scope
from lightweight_cli.model.wire import framed
from lightweight_cli.weights import bundled, constant_values, constants
from lightweight_cli.weights.roles import Axes

if TYPE_CHECKING:
    from onnx import NodeProto

    from lightweight_cli.model.model import Model

CHUNK = 1 << 20
"""Elements read at a time: 4 MiB of float32."""


class Role(NamedTuple):
    """One use of a weight: `node` in `scope` reads it as its input `index`, behind the nodes of `path` that only move values."""

    scope: Scope
    node: NodeProto
    index: int  # type: ignore[assignment]  # tuple.index is not used
    axes: Axes
    """The channel axes, in the weight's own order of axes."""
    path: Sequence[NodeProto] = ()
    """From the operator towards the weight."""

    @property
    def op(self) -> str:
        """The operator."""
        return self.node.op_type


Key = tuple[int, str]
"""A weight in every copy of its model: the number of its scope, and its name."""


@dataclass(eq=False, repr=False)
class Weight:
    """A float constant with a role: an array of `shape`, whatever stores it."""

    model: Model
    scope: Scope
    name: str
    shape: tuple[int, ...]
    dtype: int
    tensor: TensorProto | None
    roles: list[Role] = field(default_factory=list)
    """Its uses, in the order of the graph; at least one."""
    locked: str = ""
    """Why its values must not change; empty where they may."""
    _array: np.ndarray | None = None

    @property
    def key(self) -> Key:
        """What names it in every copy of its model."""
        return self.scope.number, self.name

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def numpy(self) -> np.dtype:
        """numpy dtype of the elements."""
        return helper.tensor_dtype_to_np_dtype(self.dtype)

    @property
    def axes(self) -> Axes:
        """The channel axes of its first use."""
        return self.roles[0].axes

    @property
    def op(self) -> str:
        """The operator of its first use."""
        return self.roles[0].op

    @property
    def encoded(self) -> bool:
        """Whether nodes compute it from something stored."""
        return self.tensor is None

    def read(self, start: int, count: int, out: np.ndarray | None = None) -> np.ndarray:
        """Return elements [start, start + count) in flat order, in the weight's own dtype; `out` may be used for it."""
        if self.tensor is not None:
            return self.model.read(self.tensor, start, count, out)
        if self._array is None:
            self._array = constant_values.evaluate(self.model, self.scope, self.name).reshape(-1)
        return self._array[start : start + count]

    def runs(self, runs: Sequence[tuple[int, int]]) -> np.ndarray:
        """Return the elements of runs (start, count) in flat order, one after the other."""
        if self.tensor is not None:
            return self.model.runs(self.tensor, runs)
        return np.concatenate([self.read(start, count) for start, count in runs])

    def chunks(self, count: int = CHUNK) -> Iterator[np.ndarray]:
        """Yield all elements in flat order, `count` at a time."""
        for start in range(0, self.size, count):
            yield self.read(start, min(count, self.size - start))

    def forget(self) -> None:
        """Drop a decoded array that is kept."""
        self._array = None

    def stored_bytes(self) -> int:
        """Return the bytes the weight takes in the file, with its decoding nodes and its part of a bundle, without what others share."""
        part = bundled.part_of(self.scope, self.name) if self.encoded else None
        own = sum(self._bytes_of(*step) for step in constants.own(self.scope, self.name))
        if part is None:
            return own
        whole = sum(self._bytes_of(*step) for step in part.own(self.scope)) + framed(part.node.ByteSize())
        return own + part.share(self.model, self.scope, whole)

    def _bytes_of(self, scope: Scope, name: str) -> int:
        tensor, node = constants.leaf(scope, name), scope.producers.get(name)
        if node is not None and constants.is_bundle(node):
            return 0
        if node is None:
            assert tensor is not None
            return framed(self.model.nbytes(tensor))
        payload = self.model.nbytes(tensor) - tensor.ByteSize() if tensor is not None else 0  # of a Constant node: stored apart
        return framed(node.ByteSize() + payload)
