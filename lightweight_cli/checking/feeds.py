"""The batches a check runs: the user's data, or synthetic ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lightweight_cli.checking.clock import SEARCH, Clock
from lightweight_cli.data.batches import Batches, feed_batches
from lightweight_cli.data.labels import load_labels
from lightweight_cli.data.portion import Portion, chosen, open_portion
from lightweight_cli.data.synthetic.search import synthetic_batches
from lightweight_cli.errors import InputError
from lightweight_cli.runtime.sessions import Interface

if TYPE_CHECKING:
    import onnx
    from onnxruntime import InferenceSession

Feeds = Iterable[Mapping[str, Any]]


def own_batches(data: Sequence[str] | Feeds, model: Interface, labels: str | np.ndarray | None, ignore_labels: bool,
                batch_size: int | None, meant: Portion) -> Batches:
    """Return the batches of data files, or of feeds, with the samples that are meant, whatever paths those name. Raises: InputError."""
    if isinstance(data, Sequence) and all(isinstance(b, (str, os.PathLike)) for b in data):
        if labels is not None and not isinstance(labels, (str, os.PathLike)):
            raise InputError("labels for data files must be a file too")
        return open_portion(replace(meant, paths=tuple(os.fspath(b) for b in data)), model, labels=labels and os.fspath(labels),
                            batch_size=batch_size, ignore_labels=ignore_labels)
    own = load_labels(os.fspath(labels)) if isinstance(labels, (str, os.PathLike)) else labels
    found = feed_batches(data, model, labels=own)  # type: ignore[arg-type]
    if ignore_labels:
        found.labels = None
    return chosen(found, meant)


def made_batches(session: InferenceSession, model: Interface, skeleton: onnx.ModelProto | None, seed: int, clock: Clock,
                 attempt: Callable[[], None], path: str) -> Batches | str:
    """Return synthetic batches for the model at `path`, or why there are none."""
    return synthetic_batches(session, model, skeleton, seed, attempt, lambda: clock.past(SEARCH), path=path)
