"""An array seen in another order of its elements, and back: reshapes and transposes, views where numpy can."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

Shape = tuple[int, ...]


class Step(NamedTuple):
    """One change of the order: a transpose, a pick of elements by their flat place, or a reshape; `shape` is the result's."""

    shape: Shape
    perm: Shape | None = None
    order: np.ndarray | None = None


class View(NamedTuple):
    """How an array of `start` is seen after the steps, none of which drops or repeats an element."""

    start: Shape
    steps: tuple[Step, ...] = ()

    @property
    def shape(self) -> Shape:
        """The shape after all steps."""
        return self.steps[-1].shape if self.steps else self.start

    def transpose(self, *perm: int) -> View:
        """Return the view with its axes in another order."""
        steps, last = self.steps, self.steps[-1] if self.steps else None
        if last is not None and last.perm is not None:
            perm, steps = tuple(last.perm[i] for i in perm), steps[:-1]
        shape = View(self.start, steps).shape
        if perm == tuple(range(len(perm))):
            return View(self.start, steps)
        return View(self.start, (*steps, Step(tuple(shape[i] for i in perm), perm)))

    def reshape(self, *shape: int) -> View:
        """Return the view in another shape. Raises: ValueError unless that has as many elements."""
        steps, last = self.steps, self.steps[-1] if self.steps else None
        if last is not None and last.perm is None and last.order is None:
            steps = steps[:-1]
        before = View(self.start, steps)
        if math.prod(shape) != math.prod(self.start) or any(d < 0 for d in shape):
            raise ValueError(f"{list(before.shape)} can't be seen as {list(shape)}")
        return before if before.shape == shape else View(self.start, (*steps, Step(shape)))

    def pick(self, order: np.ndarray) -> View:
        """Return the view whose element i is the present one at flat place order[i]; each place stands there once."""
        return View(self.start, (*self.steps, Step(order.shape, order=order)))

    def of(self, values: np.ndarray) -> np.ndarray:
        """Return an array of `start` as it is seen."""
        for step in self.steps:
            if step.perm is not None:
                values = values.transpose(step.perm)
            else:
                values = values.reshape(-1)[step.order] if step.order is not None else values.reshape(step.shape)
        return values

    def back(self, seen: np.ndarray) -> np.ndarray:
        """Undo `of`. Returns: an array of `start`."""
        before = (self.start, *(s.shape for s in self.steps))
        for step, shape in zip(reversed(self.steps), reversed(before[:-1]), strict=True):
            if step.perm is not None:
                seen = seen.transpose(np.argsort(step.perm).tolist())
            elif step.order is not None:
                placed = np.empty(step.order.size, seen.dtype)
                placed[step.order.reshape(-1)] = seen.reshape(-1)
                seen = placed.reshape(shape)
            else:
                seen = seen.reshape(shape)
        return seen

    def same(self, other: View) -> bool:
        """Whether both see an array in the same order."""
        return self.start == other.start and len(self.steps) == len(other.steps) and all(
            a[:2] == b[:2] and (a.order is b.order or (a.order is not None and b.order is not None and np.array_equal(a.order, b.order)))
            for a, b in zip(self.steps, other.steps, strict=True))
