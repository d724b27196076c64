"""How a student is trained."""

from __future__ import annotations

from typing import NamedTuple

STEPS = 300
"""Batches, where nothing is said."""
TEMPERATURE = 4.0
"""By which scores are divided before the softmax: Hinton et al. use 2 to 20; the lower, the more only the first class counts."""


class Settings(NamedTuple):
    """What a user may set, in plain words: it is sent to the child."""

    steps: int = STEPS
    batch_size: int | None = None
    """None: 32, or what the model fixes."""
    rate: float | None = None
    """Of Adam; None: the best of a few, each tried for some steps."""
    temperature: float = TEMPERATURE
    alpha: float = 0.0
    """Weight of the labels in the loss."""
    match: tuple[tuple[str, str], ...] = ()
    """Tensors of the student, and those of the teacher that they are to be like."""
    time_limit: float | None = None
    seed: int = 0
    threads: int = 2
