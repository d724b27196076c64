"""All parameters as one vector, the values that they stand for as arrays that a session reads, and its gradients as arrays it fills."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from lightweight_cli.distillation.forms import Form

ALIGN = 16
"""Floats, a cache line, at which the parameters of a weight begin."""


class Vector:
    """The parameters `free` of some forms, in their order, with their gradient `slope`."""

    def __init__(self, forms: Mapping[str, Form], shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.forms, self.places, at = forms, {}, 0
        for name, form in forms.items():
            self.places[name] = slice(at, at + form.start.size)
            at += -(-form.start.size // ALIGN) * ALIGN
        self.free, self.slope = np.zeros(at, np.float32), np.zeros(at, np.float32)
        self.values: dict[str, np.ndarray] = {}
        """What the model reads, in the weights' shapes."""
        self.gradients: dict[str, np.ndarray] = {}
        """What is to be filled with the gradients of the values."""
        for name, form in forms.items():
            place, shape = self.places[name], shapes[name]
            self.free[place] = form.start
            count = math.prod(shape)
            self.values[name] = (self.free[place] if form.direct else np.empty(count, np.float32)).reshape(shape)
            self.gradients[name] = (self.slope[place] if form.direct else np.empty(count, np.float32)).reshape(shape)
        self.put()

    def put(self) -> None:
        """Let the values be those of the parameters."""
        for name, form in self.forms.items():
            if not form.direct:
                form.put(self.free[self.places[name]], self.values[name].reshape(-1))

    def collect(self) -> None:
        """Make the gradient of the parameters of those of the values."""
        for name, form in self.forms.items():
            form.gradient(self.gradients[name].reshape(-1), self.slope[self.places[name]])

    @property
    def nbytes(self) -> int:
        """Bytes of parameters, gradients, and the arrays of what is not direct."""
        own = sum(2 * v.nbytes for n, v in self.values.items() if not self.forms[n].direct)
        return self.free.nbytes + self.slope.nbytes + own
