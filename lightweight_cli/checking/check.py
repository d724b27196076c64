"""How two models are to be compared: what a command line says of it."""

from __future__ import annotations

from dataclasses import dataclass

from lightweight_cli.runtime.level import Level

BUDGET = 60.0
"""Seconds the whole check may take, about: what people wait for without asking whether it hangs."""
TIME_LIMIT = 30.0
"""Seconds for one stage, loading a model or one run on synthetic inputs; large models get more (judge.BYTES_A_SECOND)."""


@dataclass(frozen=True)
class Check:
    """How two models are compared."""

    data: tuple[str, ...] = ()
    """Evaluation data (.npz, .npy, folder, module.py:reader), in order; none: synthetic inputs."""
    labels: str | None = None
    ignore_labels: bool = False
    """Leave out what the data has under a key of labels."""
    metric: str | None = None
    """A metric's name, with options: "top1", "ctc:blank=36", "rmse:output=score"; None: chosen from the labels."""
    latency: bool = True
    load: bool = True
    """Whether what loading takes is measured."""
    seed: int = 0
    batch_size: int | None = None
    """Samples a batch; None: 32, or what the model fixes."""
    threads: int = 2
    role: str = "all"
    """Which samples of the data judge (data.portion.Role): "judge" leaves out the share that calibrates."""
    samples: int | None = None
    """At most so many of them; None: all."""
    half: str = "both"
    """Of these, where a search has tried many candidates (data.portion.Half): "confirm" are those that selected none of them."""
    share: float | None = None
    """Of the samples calibrates; None: data.portion.SHARE."""
    frozen: tuple[str, ...] = ()
    """Inputs with a default that the candidate lacks on purpose."""
    budget: float | None = BUDGET
    """Seconds for the whole: as much data is run, spread over all of it, as fits. None: all."""
    level: Level = "all"
    """How far onnxruntime optimises both models."""
    exact: bool = False
    """Integers of 8 bits don't overflow, as they do on processors without VNNI: for a result that goes to others."""
    time_limit: float | None = TIME_LIMIT
