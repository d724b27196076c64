"""The original's outputs on rows that chose nothing, and what kind of evidence each output gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from lightweight_cli.checking.certify.budget import Budget, Goal, settle
from lightweight_cli.checking.certify.choices import Choices
from lightweight_cli.checking.certify.equality import Equality
from lightweight_cli.checking.certify.evidence import Evidence
from lightweight_cli.checking.certify.strings import Strings, blank_of
from lightweight_cli.checking.certify.variation import Variation
from lightweight_cli.checking.compare import operators
from lightweight_cli.checking.metrics.classes import class_axis
from lightweight_cli.checking.metrics.reading import reading
from lightweight_cli.checking.metrics.spec import MetricSpec
from lightweight_cli.checking.score import Scores, by_sample
from lightweight_cli.data.arrays import arrays
from lightweight_cli.data.batches import Batch
from lightweight_cli.data.spool import IN_MEMORY, Spool
from lightweight_cli.runtime.sessions import Interface

if TYPE_CHECKING:
    import onnx


class Held:
    """Held-out rows: add every batch with the original's outputs once; any number of candidates are then held against them."""

    def __init__(self, model: Interface, skeleton: onnx.ModelProto | None = None, *, labels: np.ndarray | None = None,
                 spec: MetricSpec | None = None, synthetic: bool = False, memory: int = IN_MEMORY) -> None:
        """`labels`: of all rows, in order; `spec`: the metric, None: chosen from the labels. `memory`: bytes, beyond it the disk."""
        self.model, self.synthetic = model, synthetic
        self.made = operators(skeleton)
        self.samples: list[int] = []
        """Of each batch."""
        self.outputs = Spool(memory)
        self.scores = Scores(model, labels, spec) if labels is not None else None
        self.kinds: dict[str, Callable[[], Evidence]] = {}

    def add(self, batch: Batch, outputs: list[Any]) -> None:
        """Add a batch with what the original gives for it. Raises: DataError where no metric fits the labels."""
        if self.scores is not None:
            self.scores.add(batch.samples, outputs)
        for name, value in self.by_row(batch.samples, outputs).items():
            if name not in self.kinds and (value.dtype.kind != "f" or np.isfinite(value).any()):
                self.kinds[name] = self._kind(name, value, batch)
        self.samples.append(batch.samples)
        self.outputs.append(outputs)

    def by_row(self, samples: int, outputs: list[Any]) -> dict[str, np.ndarray]:
        """Return the outputs [n, ...]; what has no entry a sample is one row."""
        found = by_sample(self.model, samples, outputs)
        for port, value in zip(self.model.outputs, outputs, strict=True):
            parts = arrays(value)
            if port.name not in found and len(parts) == 1 and parts[0].size:
                found[port.name] = parts[0][None]
        return found

    def _kind(self, name: str, value: np.ndarray, batch: Batch) -> Callable[[], Evidence]:
        """Return what makes the evidence of an output, by its values in the first batch that has some."""
        if value.dtype.kind != "f":
            return Equality
        classes = self.scores.classes if self.scores is not None and self.scores.output == name else None
        axis = class_axis(value, name, self.made.get(name), classes)
        if axis is None:
            return Variation
        read = reading(np.moveaxis(value, axis, -1))
        blank = blank_of(value) if value.ndim == 3 and axis == 2 and not _aligned(batch, value.shape[1]) else None
        return (lambda: Strings(blank, read)) if blank is not None else (lambda: Choices(axis, read))

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(self.samples)

    def evidence(self) -> dict[str, Evidence]:
        """Return empty evidence for one candidate: of the outputs with scores or measures, or of all where there are none."""
        made = {name: kind() for name, kind in self.kinds.items()}
        measured = {name: e for name, e in made.items() if not isinstance(e, Equality)}
        return measured or made

    def goal(self, budget: Budget) -> Goal:
        """Return what a budget comes to on these rows."""
        metric = self.scores.metric if self.scores is not None else None
        if metric is not None:
            proportion = metric.bounded
        else:
            proportion = any(e.proportion for e in self.evidence().values())
        return settle(budget, self.rows, proportion=proportion, synthetic=self.synthetic)

    def __iter__(self) -> Iterator[tuple[int, list[Any]]]:
        """Go through the batches: their samples, and the original's outputs."""
        return zip(self.samples, self.outputs, strict=True)

    def close(self) -> None:
        """Let go of the outputs."""
        self.outputs.close()


def _aligned(batch: Batch, steps: int) -> bool:
    """Whether the steps of an output are the tokens of an input: each has an answer of its own then."""
    return any(v.dtype.kind in "iu" and v.ndim == 2 and v.shape[1] == steps for value in batch.feed.values() for v in arrays(value))
