"""A model whose weights are tried one at a time: what other values of each do to the outputs, whatever stands before being run once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.calibration.conversation import Conversation

if TYPE_CHECKING:
    from lightweight_cli.calibration.settings import Settings
    from lightweight_cli.model.model import Model
    from lightweight_cli.weights.weight import Weight

TARGET = "lightweight_cli.calibration.trying:Trying"


class Tryout(Conversation):
    """The parent's side. Use it as a context, and go through the turns once."""

    def __init__(self, settings: Settings, model: Model, weights: Sequence[Weight]) -> None:
        """Raises: InputError for data that do not fit."""
        self.weights = weights
        super().__init__(TARGET, settings, model, "the tryout")
        with self.opening():
            told, _ = self._ask({**self.request, "weights": [list(w.key) for w in weights]})
            self.behind: dict[int, int] = {id(weights[number]): nodes for number, nodes in told["behind"]}
            """The nodes that are run for each try, by the weight's id; a weight that is missing reaches no output, or is in a function."""
            self.samples: int = told["samples"]
            self.of: int = told["of"]
            """How many the files hold."""
            self.synthetic: bool = told["synthetic"]

    def __enter__(self) -> Tryout:
        return self

    def turns(self) -> Iterator[Weight]:
        """Yield every weight that reaches an output, in the order of use. Raises: InputError for a model that does not run."""
        while (number := self._ask({"do": "turn"})[0]) is not None:
            yield self.weights[number]

    def effect(self, values: np.ndarray) -> float:
        """Return the dB of the outputs with other values of the weight at its turn, of scores before the softmax.

        inf: nothing changes; -inf: it is no number any more.
        """
        told, _ = self._ask({"do": "effect"}, {"values": values if values.dtype.kind == "f" else values.astype(np.float32)})
        return float(told)
