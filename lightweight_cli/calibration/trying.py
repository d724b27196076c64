"""The child's side of a tryout: the model and the data, and what other values of one weight do to the outputs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lightweight_cli.calibration.effects import Effects
from lightweight_cli.calibration.engine import Engine
from lightweight_cli.calibration.gather import Sampling
from lightweight_cli.calibration.handler import fed_by
from lightweight_cli.calibration.inputs import asked_for
from lightweight_cli.calibration.reading import open_model
from lightweight_cli.checking.certify.losses import decibels

if TYPE_CHECKING:
    from lightweight_cli.data.batches import Batches
    from lightweight_cli.model.model import Model
    from lightweight_cli.runtime.child import Progress
    from lightweight_cli.weights.weight import Key, Weight


def effects_of(opened: tuple[Model, dict[Key, Weight]], path: str, batches: Batches, keys: Collection[Key], memory: int, threads: int,
               tell: Callable[[], None]) -> Effects:
    """Return the model of a path, opened, at its inputs; of its weights those of `keys` can be tried."""
    model, weights = opened
    engine = Engine(model, fed_by(batches), batches, Sampling([b.samples for b in batches]), memory, threads, tell)
    return Effects(engine, {k: weights[k] for k in keys if k in weights}, lambda: open_model(path))


class Trying:
    """Answers "open" once, then "turn" for the next weight, and at each of them any number of "effect"."""

    def __init__(self) -> None:
        self.effects: Effects | None = None
        self.turns: Iterator[Key] = iter(())
        self.numbers: dict[Key, int] = {}

    def __call__(self, request: dict[str, Any], arrays: Mapping[str, np.ndarray], tell: Progress) -> tuple[Any, dict[str, np.ndarray]]:
        """Answer one request of `Tryout`."""
        with np.errstate(all="ignore"):
            if request["do"] == "open":
                return self._open(request, tell), {}
            tell("layers", 0, None)
            assert self.effects is not None
            if request["do"] == "turn":
                key = next(self.turns, None)
                return None if key is None else self.numbers[key], {}
            return str(decibels(self.effects.effect(arrays["values"]))), {}  # inf is no number of JSON

    def _open(self, request: dict[str, Any], tell: Progress) -> dict[str, Any]:
        """Open the model and the data. Returns: the nodes behind each weight that reaches an output, the samples, of how many."""
        tell("load", 0, None)
        path, threads, memory = request["model"], request["threads"], request["memory"]
        opened = open_model(path)
        self.numbers = {(number, name): i for i, (number, name) in enumerate(request["weights"])}

        def alive() -> None:
            tell("layers", 0, None)

        batches, _ = asked_for(request, opened[0].proto, tell)
        self.effects = effects_of(opened, path, batches, self.numbers, memory, threads, alive)
        self.turns = self.effects.keys()
        samples = sum(b.samples for b in batches)
        return {"behind": [[self.numbers[k], self.effects.end - place] for k, place in self.effects.places.items()],
                "samples": samples, "of": batches.of or samples, "synthetic": batches.synthetic}
