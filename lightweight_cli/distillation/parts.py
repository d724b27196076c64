"""How many samples go through the student and back at once: what each layer leaves for the way back is bounded, whatever the batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.distillation.agreement import seen
from lightweight_cli.distillation.pool import Drawn, Pool
from lightweight_cli.distillation.reach import computed

if TYPE_CHECKING:
    from onnx import ModelProto

    from lightweight_cli.distillation.settings import Settings

MEMORY = 2 << 30
"""Bytes that a part of a batch may take, about."""
WAY_BACK = 4
"""Times what all layers give for a sample, that it takes on the way there and back: 1.7 for PP-OCRv4 rec (345 MB a line) and MiniLM,
3.7 for captcha-crnn, more only where it is little (a small ResNet: 7 times .3 MB)."""


def at_once(proto: ModelProto, pool: Pool, settings: Settings) -> int:
    """Return how many samples of a batch are run at once, at least one. Raises: InputError where the model does not run."""
    if not pool.sliceable:
        return pool.size
    one = next(pool.parts(next(pool.judging()), 1))
    return max(1, MEMORY // (WAY_BACK * max(1, left_behind(proto, one, settings))))


def left_behind(proto: ModelProto, drawn: Drawn, settings: Settings) -> int:
    """Return the bytes of all that nodes of the main graph make of a batch. Raises: InputError where the model does not run."""
    found = seen(proto, computed(proto), drawn, settings, "student")
    return sum(v.nbytes for v in found.values() if isinstance(v, np.ndarray))
