"""The check in a process of its own: onnxruntime may crash, hang or fill the memory on a hostile model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lightweight_cli.accuracy import Accuracy

TIME_LIMIT = 120.0
"""Seconds for one stage: loading a model, or one run on synthetic inputs. A user's own batches have no limit."""


@dataclass(frozen=True)
class Check:
    """How two models are compared."""

    data: tuple[str, ...] = ()
    """Evaluation data (.npz, .npy, folder, module.py:reader), in order; none: synthetic inputs."""
    labels: str | None = None
    metric: str | None = None
    """A metric's name, with options: "top1", "ctc:blank=36", "rmse:output=score"; None: chosen from the labels."""
    latency: bool = True
    seed: int = 0
    batch_size: int | None = None
    """Samples a batch; None: 32, or what the model fixes."""
    threads: int = 2
    time_limit: float | None = TIME_LIMIT


Progress = Callable[[str, int, "int | None"], None]
"""Called with the stage ("reference", "candidate", "latency"), batches done, and their number if known."""


def judge(reference: str, candidate: str, check: Check = Check(), *, pass_fds: Sequence[int] = (),
          progress: Progress | None = None) -> Accuracy:
    """Compare two model files in a child process.

    Paths may name inherited descriptors (/dev/fd/7) that `pass_fds` lists.
    Returns: what the change cost.
    Raises: InputError for the reference or the data; BrokenPromise for the candidate; UsageError
        for an unknown metric.
    """
    raise NotImplementedError
