"""How calibration goes about it: what data, how many rows, how much memory and time."""

from __future__ import annotations

from dataclasses import dataclass

from lightweight_cli.data.portion import Portion

MEMORY = 256 << 20
"""Bytes for all that grows with the samples: some hundred samples of a small model. Beyond, the disk's cache serves."""
TIME_LIMIT = 120.0
"""Seconds for opening the model, and for one run of a part of it on one batch; the user's data take as long as they take."""


@dataclass(frozen=True)
class Settings:
    """`rows` of each layer; None: four times its inputs, from 2,048 to 8,192.

    `memory`: bytes for what grows with the samples, in the child; beyond, it goes to the disk.
    """

    portion: Portion
    rows: int | None = None
    held_out: bool = False
    """Keep a part of the rows aside, to judge results by: at most gather.HELD of a layer, on top of `rows`."""
    memory: int = MEMORY
    batch_size: int | None = None
    threads: int = 2
    time_limit: float | None = TIME_LIMIT
