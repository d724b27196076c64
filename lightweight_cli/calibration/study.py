"""A model and its weights under study: one child process, which may go over the layers any number of times."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lightweight_cli.calibration.conversation import Conversation
from lightweight_cli.calibration.message import BESIDE, from_arrays
from lightweight_cli.calibration.statistics import Statistics
from lightweight_cli.calibration.trial import Score

if TYPE_CHECKING:
    from lightweight_cli.calibration.settings import Settings
    from lightweight_cli.model.model import Model
    from lightweight_cli.weights.weight import Weight

TARGET = "lightweight_cli.calibration.handler:Handler"
Advance = Callable[[int, int], None]
"""Called with the layers done, and how many there are."""


@dataclass
class Layer:
    """A weight at its turn: what it sees, or why that is not known."""

    weight: Weight
    statistics: Statistics | None
    reason: str = ""
    values: np.ndarray | None = field(default=None, repr=False)
    beside: dict[str, np.ndarray] = field(default_factory=dict, repr=False)

    def replace(self, values: np.ndarray, beside: Mapping[str, np.ndarray] | None = None) -> None:
        """Let the compressed model go on with these values of the weight, in its shape, from here on. In a walk only.

        `beside`: values of other constants of the main graph that go with it, a bias, by name.
        """
        if values.shape != self.weight.shape:
            raise ValueError(f"values of shape {list(values.shape)} for a weight of {list(self.weight.shape)}")
        self.values = values if values.dtype.kind == "f" else values.astype(np.float32)  # bfloat16 has no name between processes
        self.beside = {name: v if v.dtype.kind == "f" else v.astype(np.float32) for name, v in (beside or {}).items()}


class Study(Conversation):
    """The parent's side of a child that has a model and data open. Use it as a context, and go over the layers once at a time."""

    def __init__(self, settings: Settings, model: Model, weights: Sequence[Weight], *, renormalized: bool = False) -> None:
        """`renormalized`: BatchNormalization makes of synthetic inputs what it made of the real ones; for `statistics` only.

        Raises: InputError for data that do not fit.
        """
        self.weights = weights
        super().__init__(TARGET, settings, model, "calibration")
        with self.opening():
            opened, _ = self._ask({**self.request, "weights": [list(w.key) for w in weights],
                                   "renormalized": renormalized})
            self.renormalized: bool = opened["renormalized"]
            """Whether there is a BatchNormalization for that."""
            self.samples: int = opened["samples"]
            self.of: int = opened["of"]
            """How many the files hold."""
            self.lost = [Layer(weights[number], None, why) for number, why in opened["lost"]]
            """The weights that see nothing, with the reason."""

    def __enter__(self) -> Study:
        return self

    def statistics(self, *, histogram: bool = False, keep: bool = False, advance: Advance | None = None) -> Iterator[Layer]:
        """Yield what each weight sees in the model as it is: first those that see nothing, with the reason, then in order of use.

        `keep`: walks are to follow, which then do not run the original again, unless this is left before the end.
        Raises: InputError for a model that does not run on the data.
        """
        return self._layers({"do": "start", "walk": False, "histogram": histogram, "keep": keep}, advance)

    def walk(self, *, advance: Advance | None = None) -> Iterator[Layer]:
        """Yield each weight before the model compressed so far uses it, with targets of the original; first those that see nothing.

        What `Layer.replace` is given is what later layers see. Weights with several uses, and those in branches of If, come with what
        the original sees, and without targets. After one whole walk the original is not run again: each further walk, which begins
        with the original's weights, costs one pass of the data.
        Raises: InputError for a model that does not run on the data.
        """
        return self._layers({"do": "start", "walk": True, "histogram": False, "keep": False}, advance)

    def put(self, number: int, values: np.ndarray, beside: Mapping[str, np.ndarray] | None = None) -> None:
        """Try new values of a weight, by its place among the weights, until the next score; on synthetic inputs only."""
        self._ask({"do": "put", "weight": number}, _sent(values if values.dtype.kind == "f" else values.astype(np.float32), beside or {}))

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
            values = _sent(layer.values, layer.beside) if layer.values is not None else {}


def _sent(values: np.ndarray, beside: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return new values as they are sent."""
    return {"values": values, **{BESIDE + name: v for name, v in beside.items()}}
