"""The child's side of a calibration: the model, the data and the walk, in a process that a hostile model may bring down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lightweight_cli.calibration.engine import Engine
from lightweight_cli.calibration.exposure import Exposures, NotReached
from lightweight_cli.calibration.gather import Sampling
from lightweight_cli.calibration.inputs import asked_for
from lightweight_cli.calibration.message import BESIDE, to_arrays
from lightweight_cli.calibration.padding import padding
from lightweight_cli.calibration.reading import named, open_model, opened
from lightweight_cli.calibration.renormalized import renormalize
from lightweight_cli.calibration.segment import NoCut
from lightweight_cli.calibration.statistics import Statistics
from lightweight_cli.calibration.trial import Trial
from lightweight_cli.calibration.uses import Watched, settle, watch
from lightweight_cli.calibration.walk import Walk
from lightweight_cli.errors import InputError, printable
from lightweight_cli.weights.matrix import NoMatrix
from lightweight_cli.weights.weight import Key

if TYPE_CHECKING:
    from lightweight_cli.data.batches import Batches
    from lightweight_cli.runtime.child import Progress


class Handler:
    """Answers "open" once, then any number of times "start", and "next" until there are no more layers.

    On synthetic inputs "put" and "score" too.
    """

    def __init__(self) -> None:
        self.engine: Engine | None = None
        self.walk: Walk | None = None
        self.trial: Trial | None = None
        self.watched: list[Watched] = []
        self.left: list[Watched] = []
        self.layers: Iterator[tuple[Watched, Statistics | str]] = iter(())
        self.keys: dict[Key, int] = {}
        self.at: Watched | None = None

    def __call__(self, request: dict[str, Any], arrays: Mapping[str, np.ndarray], tell: Progress) -> tuple[Any, dict[str, np.ndarray]]:
        """Answer one request of `Study`."""
        with np.errstate(all="ignore"):  # infinities and NaN of a model are told by the statistics
            return self._answer(request, arrays, tell)

    def _answer(self, request: dict[str, Any], arrays: Mapping[str, np.ndarray], tell: Progress) -> tuple[Any, dict[str, np.ndarray]]:
        if request["do"] == "open":
            return self._open(request, tell), {}
        tell("layers", 0, None)
        if request["do"] in ("put", "score"):
            assert self.trial is not None
            if request["do"] == "score":
                return list(self.trial.score()), {}
            key = next(k for k, number in self.keys.items() if number == request["weight"])
            self.trial.put(key, arrays["values"], _beside(arrays))
            return None, {}
        if request["do"] == "start":
            self._start(request["walk"], request["histogram"], request["keep"])
            return None, {}
        if "values" in arrays and self.walk is not None and self.at is not None:
            self.walk.replace(self.at, arrays["values"], _beside(arrays))
        self.at, found = self._next()
        if self.at is None:
            return None, {}
        number = self.keys[self.at.weight.key]
        if isinstance(found, str):
            return {"weight": number, "reason": found}, {}
        plain, made = to_arrays(found)
        return {"weight": number, **plain}, made

    def _next(self) -> tuple[Watched | None, Statistics | str]:
        """Return the next layer; where the model can't be cut any further, all that are left have that as the reason."""
        try:
            at, found = next(self.layers, (None, ""))
        except NoCut as e:
            self.layers = iter([(w, f"no activations reachable: {e}") for w in self.left])
            at, found = next(self.layers, (None, ""))
        self.left = [w for w in self.left if w is not at]
        return at, found

    def _start(self, walk: bool, histogram: bool, keep: bool) -> None:
        """Begin with the first layer again; `keep`: what a walk needs of the original is kept."""
        assert self.engine is not None
        self.at, self.left = None, list(self.watched)
        self.layers = iter(())  # what an earlier one still holds is let go of first
        self.engine.sampling.histogram, self.engine.sampling.recent = histogram, None
        assert self.walk is not None
        self.layers = self.walk.layers() if walk else self.walk.statistics() if keep else self.engine.statistics(self.watched)

    def _open(self, request: dict[str, Any], tell: Progress) -> dict[str, Any]:
        """Find the weights and open the data. Returns: what can't be reached, each with the reason, and the samples, of how many."""
        tell("load", 0, None)
        self.keys = {(number, name): i for i, (number, name) in enumerate(request["weights"])}
        model, inlined = opened(request["model"])
        renormalized = request["renormalized"] and renormalize(model)
        weights = named(model, inlined)
        batches, judging = asked_for(request, model.proto, tell)
        if judging is not None:
            self.trial = Trial(request["model"], judging, lambda: open_model(request["model"]), request["threads"],
                               lambda: tell("layers", 0, None))
        fed = fed_by(batches)
        watched, lost = [], {}
        exposures = Exposures()
        for key, number in self.keys.items():
            try:
                if key not in weights:
                    raise NotReached("no activations reachable: in a function")
                watched.append(watch(weights[key], exposures))
            except (NoMatrix, NotReached) as e:
                lost[number] = str(e)
        sampling = Sampling([b.samples for b in batches], request["rows"], request["seed"], held_out=request["held_out"],
                            masks=[padding(b) for b in batches] if any("mask" in n for n in fed) else ())
        engine = Engine(model, fed, batches, sampling, request["memory"], request["threads"], lambda: tell("layers", 0, None))
        for w, why in settle(watched, engine.flow):
            lost[self.keys[w.weight.key]] = why
        self.watched = [w for w in watched if w.uses]
        self.engine, self.walk = engine, Walk(engine, self.watched, lambda: open_model(request["model"]))
        return {"lost": [[i, why] for i, why in sorted(lost.items())], "renormalized": renormalized,
                "samples": sum(sampling.samples),
                "of": sum(sampling.samples) if batches.of is None else batches.of}


def _beside(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the constants that were sent with a weight, by name."""
    return {name[len(BESIDE) :]: values for name, values in arrays.items() if name.startswith(BESIDE)}


def fed_by(batches: Batches) -> set[str]:
    """Return the inputs that the data feed. Raises: InputError where some batches feed others."""
    names: set[str] | None = None
    for batch in batches:
        if names is not None and names != set(batch.feed):
            raise InputError(f'calibration: "{printable(min(names ^ set(batch.feed)))}" is fed by some batches only')
        names = set(batch.feed)
    return names or set()
