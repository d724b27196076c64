"""The values that are to be stored, read as often as needed, and whether the sign of their zeros can show."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from onnx import helper

from lightweight_cli.model.scopes import Scope
from lightweight_cli.weights import constants
from lightweight_cli.weights.roles import MOVES
from lightweight_cli.weights.weight import Weight

SUMMED = {("Conv", 1), ("ConvTranspose", 1), ("Gemm", 0), ("Gemm", 1), ("MatMul", 0), ("MatMul", 1),
          ("LSTM", 1), ("LSTM", 2), ("GRU", 1), ("GRU", 2), ("RNN", 1), ("RNN", 2)}
"""(operator, input) whose values are only multiplied and summed: sums start from +0, so -0 and +0 give the same."""
DEEPEST = 8


@dataclass(frozen=True)
class Values:
    """Values of a shape and ONNX type, in flat order; `parts()` starts anew each time."""

    shape: tuple[int, ...]
    dtype: int
    parts: Callable[[], Iterator[np.ndarray]]

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def numpy(self) -> np.dtype:
        """Their numpy type."""
        return helper.tensor_dtype_to_np_dtype(self.dtype)

    def __iter__(self) -> Iterator[np.ndarray]:
        return self.parts()


def of(weight: Weight) -> Values:
    """Return a weight's values, every zero positive where its sign makes no difference."""
    if not is_summed(weight.scope, weight.name) or weight.numpy.kind != "f":
        return Values(weight.shape, weight.dtype, weight.chunks)

    def positive() -> Iterator[np.ndarray]:
        for part in weight.chunks():
            yield np.where(part == 0, part.dtype.type(0), part)

    return Values(weight.shape, weight.dtype, positive)


def is_summed(scope: Scope, name: str, depth: int = DEEPEST) -> bool:
    """Whether all uses of `name`, moved about or not, only multiply and sum its values."""
    if name in scope.outputs or name in scope.inputs or not depth:
        return False
    for use in scope.uses.get(name, ()):
        if use.node.domain not in ("", "ai.onnx"):
            return False
        if (use.node.op_type, use.index) in SUMMED:
            continue
        if use.node.op_type not in MOVES or not all(is_summed(use.scope, o, depth - 1) for o in use.node.output if o):
            return False
    return True


def is_integer_compute(weight: Weight) -> bool:
    """Whether a runtime may compute on the stored integers of the weight: another tool's DequantizeLinear."""
    return any((node := home.producers.get(name)) is not None and node.op_type == "DequantizeLinear"
               for home, name in constants.chain(weight.scope, weight.name))
