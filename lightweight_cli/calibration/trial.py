"""A trial of new values for all weights at once: the whole model runs on inputs that did not calibrate, beside the original."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from lightweight_cli.calibration.runner import put, put_beside
from lightweight_cli.checking.by_kind import ByKind
from lightweight_cli.errors import InputError
from lightweight_cli.model.output_folder import write_into

if TYPE_CHECKING:
    import numpy as np

    from lightweight_cli.data.batches import Batches
    from lightweight_cli.model.model import Model
    from lightweight_cli.weights.weight import Weight

Twins = dict[tuple[int, str], "Weight"]
HIGHEST = 200.0
"""dB that count for no error at all."""


class Score(NamedTuple):
    """Means over the kinds of inputs, in dB, of the worst output."""

    sqnr: float
    centred: float

    def beats(self, other: Score) -> bool:
        """Whether both figures are above another's."""
        return self.sqnr > other.sqnr and self.centred > other.centred


class Trial:
    """One set of values after another, each scored against the original."""

    def __init__(self, path: str, batches: Batches, reopen: Callable[[], tuple[Model, Twins]], threads: int,
                 tell: Callable[[], None]) -> None:
        self.path, self.batches, self.reopen, self.threads, self.tell = path, batches, reopen, threads, tell
        self.expected: list[Any] | None = None
        self.model, self.twins = reopen()

    def put(self, key: tuple[int, str], values: np.ndarray, beside: Mapping[str, np.ndarray]) -> None:
        """Give a weight new values, until the next score; one in a function keeps the original's, whatever is tried."""
        if key in self.twins:
            put(self.twins[key], values)
            put_beside(self.model, self.twins[key].scope, beside)

    def score(self) -> Score:
        """Run the model with the values it was given; it has the original's again afterwards. Raises: InputError."""
        with tempfile.TemporaryDirectory(prefix="lwc-") as folder:
            got = self._outputs(write_into(self.model, folder, "trial"))
        self.model, self.twins = self.reopen()
        if self.expected is None:
            self.expected = self._outputs(self.path)
        by_kind = ByKind()
        for batch, old, new in zip(self.batches, self.expected, got, strict=True):
            by_kind.add(batch, old, new)
        kinds = by_kind.results()
        return Score(_mean([k.sqnr for k in kinds]), _mean([k.centred for k in kinds]))

    def _outputs(self, path: str) -> list[Any]:
        from lightweight_cli.runtime.sessions import open_session, reason

        try:
            session = open_session(path, threads=self.threads)
            found = []
            for batch in self.batches:
                self.tell()
                found.append(session.run(None, batch.feed))
            return found
        except Exception as e:  # onnxruntime's exceptions have no common base
            raise InputError(f"it does not run on synthetic inputs: {reason(e)}") from e


def _mean(figures: list[float | None]) -> float:
    known = [min(HIGHEST, max(-HIGHEST, f)) for f in figures if f is not None and not math.isnan(f)]
    return sum(known) / len(known) if known else -HIGHEST
