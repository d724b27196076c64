"""One limit on what decoding all weights of a model takes at load, and which weights take a larger form to keep it.

The outputs of all decoding nodes are alive until a runtime has folded the last of them, so what counts is their sum over
the model. From every weight's smallest form on, the one moves first that loses the fewest bytes of the file for each byte
of load memory it saves. Forecast and measured peaks agree within a third: docs/benchmarks-cost.md.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model
    from lightweight_cli.model.scopes import Scopes
    from lightweight_cli.weights.weight import Weight

LEAST = 512 << 20
"""Bytes beyond the float model's own that decoding may always take, where no limit is given."""
WORTH = 8
"""Bytes of load memory that a byte of the file must save where no limit is given: a bitmask of bytes saves 40 for each it would lose
as plain bytes, 4 bits in blocks save 3."""


class Budget(NamedTuple):
    """What decoding may take at load, beyond what the float model takes; without a limit the larger of LEAST and the model's own peak."""

    value: float | None = None
    unit: str = "x"
    """"x": times the float model's own peak; else bytes."""

    def room(self, own: float) -> float:
        """Return the bytes allowed where the float model takes `own`."""
        if self.value is None:
            return max(LEAST, own)
        return self.value * own if self.unit == "x" else self.value

    @property
    def worth(self) -> float:
        """Bytes of load memory that a byte of the file must save: any, where the limit was asked for."""
        return WORTH if self.value is None else 0.0


class Form(NamedTuple):
    """One way to store a weight."""

    option: int
    nbytes: int
    load_bytes: float


def relieved(menus: Sequence[Sequence[Form]], excess: float, worth: float) -> dict[int, Form]:
    """Return new forms for some of the menus, whose first forms together take `excess` bytes too much at load."""
    moved: dict[int, Form] = {}
    steps = [step for i, menu in enumerate(menus) if (step := best_step(i, menu[0], menu, worth))]
    heapq.heapify(steps)
    while excess > 0 and steps:
        _, i, option = heapq.heappop(steps)
        form = next(f for f in menus[i] if f.option == option)
        excess -= moved.get(i, menus[i][0]).load_bytes - form.load_bytes
        moved[i] = form
        further = best_step(i, form, menus[i], worth)
        if further:
            heapq.heappush(steps, further)
    return moved


def best_step(i: int, now: Form, menu: Sequence[Form], worth: float) -> tuple[float, int, int] | None:
    """Return the step of menu `i` that loses the fewest bytes of the file for each byte saved at load, with that price."""
    steps = [((f.nbytes - now.nbytes) / (now.load_bytes - f.load_bytes), i, f.option) for f in menu if f.load_bytes < now.load_bytes]
    best = min(steps, default=None)
    return best if best is not None and best[0] * worth <= 1 else None


def own_peak(model: Model, scopes: Scopes, weights: Sequence[Weight]) -> float:
    """Return the bytes that a runtime takes to load the model with its weights as floats: all of them, and the largest once more."""
    stored = sum(model.nbytes(t) for s in scopes.all for t in s.initializers.values())
    floats = [w.size * w.numpy.itemsize for w in weights]
    return stored + sum(f for f, w in zip(floats, weights, strict=True) if w.encoded) + max(floats, default=0)
