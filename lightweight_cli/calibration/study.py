"""A model and its weights under study: one child process, which may go over the layers any number of times."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from lightweight_cli.calibration.message import from_arrays
from lightweight_cli.calibration.statistics import Statistics
from lightweight_cli.calibration.trial import Score
from lightweight_cli.errors import InputError, LwcError
from lightweight_cli.model.output_folder import write_into
from lightweight_cli.runtime.child import Child, Crash, Overrun

if TYPE_CHECKING:
    from lightweight_cli.calibration.settings import Settings
    from lightweight_cli.model.model import Model
    from lightweight_cli.weights.weight import Weight

TARGET = "lightweight_cli.calibration.handler:Handler"
BYTES_A_SECOND = 10e6
"""A stage may take a second longer for each so many bytes of the model."""
Advance = Callable[[int, int], None]
"""Called with the layers done, and how many there are."""


@dataclass
class Layer:
    """A weight at its turn: what it sees, or why that is not known."""

    weight: Weight
    statistics: Statistics | None
    reason: str = ""
    values: np.ndarray | None = field(default=None, repr=False)

    def replace(self, values: np.ndarray) -> None:
        """Let the compressed model go on with these values of the weight, in its shape, from here on. In a walk only."""
        if values.shape != self.weight.shape:
            raise ValueError(f"values of shape {list(values.shape)} for a weight of {list(self.weight.shape)}")
        self.values = values if values.dtype.kind == "f" else values.astype(np.float32)  # bfloat16 has no name between processes


class Study:
    """The parent's side of a child that has a model and data open. Use it as a context, and go over the layers once at a time."""

    def __init__(self, settings: Settings, model: Model, weights: Sequence[Weight]) -> None:
        """Raises: InputError for data that do not fit."""
        self.model, self.weights = model, weights
        request = {"do": "open", **asdict(settings), "seed": settings.portion.seed, "weights": [[w.scope.number, w.name] for w in weights]}
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="lwc-"))
            request["model"] = write_into(model, folder, "model")
            size = sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder))

            def limit(stage: str) -> float | None:
                return None if settings.time_limit is None or stage == "data" else settings.time_limit + size // BYTES_A_SECOND

            chatter = any(":" in path for path in settings.portion.paths)
            self.child = stack.enter_context(Child(TARGET, limit=limit, chatter=chatter, what="calibration"))
            opened, _ = self._ask(request)
            self.samples: int = opened["samples"]
            self.of: int = opened["of"]
            """How many the files hold."""
            self.lost = [Layer(weights[number], None, why) for number, why in opened["lost"]]
            """The weights that see nothing, with the reason."""
            self.end = stack.pop_all()

    def __enter__(self) -> Study:
        return self

    def __exit__(self, *_: object) -> None:
        self.end.close()

    def statistics(self, *, histogram: bool = False, advance: Advance | None = None) -> Iterator[Layer]:
        """Yield what each weight sees in the model as it is: first those that see nothing, with the reason, then in order of use.

        Raises: InputError for a model that does not run on the data.
        """
        return self._layers({"do": "start", "walk": False, "histogram": histogram}, advance)

    def walk(self, *, advance: Advance | None = None) -> Iterator[Layer]:
        """Yield each weight before the model compressed so far uses it, with targets of the original; first those that see nothing.

        What `Layer.replace` is given is what later layers see. Weights with several uses, and those in branches of If, come with what
        the original sees, and without targets. After one whole walk the original is not run again: each further walk, which begins
        with the original's weights, costs one pass of the data.
        Raises: InputError for a model that does not run on the data.
        """
        return self._layers({"do": "start", "walk": True, "histogram": False}, advance)

    def put(self, number: int, values: np.ndarray) -> None:
        """Try new values of a weight, by its place among the weights, until the next score; on synthetic inputs only."""
        self._ask({"do": "put", "weight": number}, {"values": values if values.dtype.kind == "f" else values.astype(np.float32)})

    def score(self) -> Score:
        """Return how the model with the values that were put does, on synthetic inputs of kinds that do not calibrate.

        Raises: InputError where it does not run.
        """
        return Score(*self._ask({"do": "score"})[0])

    def _layers(self, start: Mapping[str, Any], advance: Advance | None) -> Iterator[Layer]:
        for lost in self.lost:
            yield Layer(lost.weight, None, lost.reason)
        self._ask(start)
        values: dict[str, np.ndarray] = {}
        for done in range(len(self.lost) + 1, len(self.weights) + 2):
            told, arrays = self._ask({"do": "next"}, values)
            if told is None:
                return
            if advance is not None:
                advance(done, len(self.weights))
            why = told.get("reason", "")
            layer = Layer(self.weights[told["weight"]], None if why else from_arrays(told, arrays), why)
            del arrays
            yield layer
            values = {"values": layer.values} if layer.values is not None else {}

    def _ask(self, request: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None) -> tuple[Any, dict[str, np.ndarray]]:
        try:
            return self.child.ask(request, arrays)
        except Overrun as e:
            raise InputError(f"{self.model.shown}: calibration: still running after {e.limit:g} s") from e
        except Crash as e:
            _crashed(e, self.model.shown)


def _crashed(crash: Crash, shown: str) -> NoReturn:
    """Raise for a child that ended without an answer."""
    if crash.code >= 0:
        raise LwcError(f"{shown}: calibration ended with exit code {crash.code} and without an answer") from crash
    name = signal.Signals(-crash.code).name
    how = "was killed (SIGKILL), probably for lack of memory," if name == "SIGKILL" else f"crashed ({name})"
    raise InputError(f"{shown}: onnxruntime {how} while calibrating") from crash
