"""Seeded inputs described in one line each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_PATCH = 8  # side of one patch of a synthetic image, pixels: white noise is no plausible picture


@dataclass(frozen=True)
class Input:
    """What values one input of a model takes, in which shape.

    kind: `image` (smooth, -1..1), `normal`, `unit` (0..1), `fill` (all `value`) or `ids` (integers below `value`).
    """

    kind: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    value: int = 0

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Draw one array of this input.

        Returns: an array of `shape` and `dtype`.
        Raises: ValueError for an unknown kind.
        """
        import numpy as np

        if self.kind == "image":
            height, width = self.shape[-2:]
            coarse = (*self.shape[:-2], -(-height // _PATCH), -(-width // _PATCH))
            patches = rng.uniform(-1, 1, coarse).repeat(_PATCH, -2).repeat(_PATCH, -1)
            values = patches[..., :height, :width] + rng.normal(0, 0.05, self.shape)
        elif self.kind == "normal":
            values = rng.normal(0, 1, self.shape)
        elif self.kind == "unit":
            values = rng.uniform(0, 1, self.shape)
        elif self.kind == "ids":
            values = rng.integers(0, self.value, self.shape)
        elif self.kind == "fill":
            values = np.full(self.shape, self.value)
        else:
            raise ValueError(f"input kind {self.kind!r}: allowed are image, normal, unit, ids, fill")
        return np.asarray(values, dtype=self.dtype)


def image(*shape: int) -> Input:
    """A smooth picture in -1..1, shape [..., height, width]."""
    return Input("image", shape)


def normal(*shape: int) -> Input:
    """Standard normal values."""
    return Input("normal", shape)


def unit(*shape: int) -> Input:
    """Uniform values in 0..1."""
    return Input("unit", shape)


def ids(*shape: int, below: int, dtype: str = "int64") -> Input:
    """Uniform integers from 0 to below - 1."""
    return Input("ids", shape, dtype, below)


def fill(*shape: int, value: int, dtype: str = "float32") -> Input:
    """One value everywhere."""
    return Input("fill", shape, dtype, value)
