"""Seeded inputs described in one line each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_PATCH = 8  # side of one patch of a synthetic image, pixels: white noise is no plausible picture
_LINE = 48  # height of one line of a synthetic page, pixels: what text recognizers read
_RATE = 16000  # samples a second


@dataclass(frozen=True)
class Input:
    """What values one input of a model takes, in which shape.

    kind: `image` (smooth, -1..1), `page` (dark strokes in lines on light, -1..1), `voice` (harmonics at 16 kHz),
    `normal`, `unit` (0..1), `fill` (all `value`) or `ids` (integers below `value`).
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

        values: np.ndarray
        if self.kind == "image":
            values = _blocks(rng, self.shape, _PATCH, _PATCH) * 2 - 1 + rng.normal(0, 0.05, self.shape)
        elif self.kind == "page":
            values = _page(rng, self.shape)
        elif self.kind == "voice":
            values = _voice(rng, self.shape)
        elif self.kind == "normal":
            values = rng.normal(0, 1, self.shape)
        elif self.kind == "unit":
            values = rng.uniform(0, 1, self.shape)
        elif self.kind == "ids":
            values = rng.integers(0, self.value, self.shape)
        elif self.kind == "fill":
            values = np.full(self.shape, self.value)
        else:
            raise ValueError(f"input kind {self.kind!r}: allowed are image, page, voice, normal, unit, ids, fill")
        return np.asarray(values, dtype=self.dtype)


def _blocks(rng: np.random.Generator, shape: tuple[int, ...], high: int, wide: int) -> np.ndarray:
    """Uniform 0..1, equal within blocks of high x wide pixels."""
    height, width = shape[-2:]
    coarse = rng.uniform(0, 1, (*shape[:-2], -(-height // high), -(-width // wide)))
    return coarse.repeat(high, -2).repeat(wide, -1)[..., :height, :width]


def _page(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Lines of glyph-like strokes, the same in every colour channel."""
    import numpy as np

    grey = (shape[0], 1, *shape[-2:])
    glyphs = (_blocks(rng, grey, 6, 3) < 0.45) & (_blocks(rng, grey, shape[-2], 18) < 0.8)
    inside = (np.arange(shape[-2]) % _LINE >= 8) & (np.arange(shape[-2]) % _LINE < _LINE - 8)
    values = 0.9 - 1.7 * (glyphs & inside[:, None]) + rng.normal(0, 0.02, grey)
    return np.broadcast_to(values, shape)


def _voice(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """A buzz of 100 to 220 Hz with falling harmonics, one pitch a row, over faint noise."""
    import numpy as np

    pitch = rng.uniform(100, 220, (*shape[:-1], 1))
    time = np.arange(shape[-1]) / _RATE
    buzz = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 20))
    return 0.15 * buzz + rng.normal(0, 0.005, shape)


def image(*shape: int) -> Input:
    """A smooth picture in -1..1, shape [..., height, width]."""
    return Input("image", shape)


def page(*shape: int) -> Input:
    """Lines of strokes, shape [batch, channels, height, width]."""
    return Input("page", shape)


def voice(*shape: int) -> Input:
    """Voiced sound at 16 kHz, shape [batch, samples]."""
    return Input("voice", shape)


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
