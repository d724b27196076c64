"""The child's side of a probe: one weight with other values, what stands before it being run once only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.calibration.reading import open_model
from lightweight_cli.calibration.trying import effects_of

if TYPE_CHECKING:
    from lightweight_cli.data.batches import Batches
    from lightweight_cli.weights.weight import Key


class Probing:
    """The model at the weight that was tried last. Weights in functions, and those that reach no output, are not `known`."""

    def __init__(self, path: str, batches: Batches, keys: Mapping[str, Key], memory: int, threads: int, tell: Callable[[], None]) -> None:
        """`keys`: of weights and biases, by what the search calls them."""
        self.keys, self.effects = keys, effects_of(open_model(path), path, batches, keys.values(), memory, threads, tell)

    def known(self, name: str) -> bool:
        """Whether a weight can be tried here."""
        return self.keys.get(name) in self.effects.places

    def loss(self, name: str, arrays: Mapping[str, np.ndarray]) -> float:
        """Return the loss with other values of a weight and its bias. Raises: InputError where the model does not run with them."""
        key = self.keys[name]
        if key != self.effects.at:
            self.effects.go(key)
        beside = {self.keys[n][1]: values for n, values in arrays.items() if n != name}
        return self.effects.effect(arrays[name], beside)
