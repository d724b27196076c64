"""What a pass is given: the model, the report of its step, and what it may know beside."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lightweight_cli.pipeline.step_report import StepReport
from lightweight_cli.weights.load_budget import Budget

if TYPE_CHECKING:
    from lightweight_cli.calibration.calibration import Calibration
    from lightweight_cli.data.portion import Portion
    from lightweight_cli.encodings.limits import Limits
    from lightweight_cli.model.model import Model
    from lightweight_cli.pipeline.wanted import Wanted
    from lightweight_cli.targets.target import Target
    from lightweight_cli.weights.rewrite import Rewriter
    from lightweight_cli.weights.weight import Weight


@dataclass(eq=False, repr=False)
class Context:
    """One run of one pass: it changes `model` in place and tells `step` what it does."""

    model: Model
    step: StepReport
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    """Which weights may be touched: weights.selection."""
    portion: Portion | None = None
    """Data that choose: given to a pass that says it can use them, where there are any."""
    budget: Budget = field(default_factory=Budget)
    """What decoding may take at load."""
    by_rows: Collection[str] = ()
    """Tables that were decoded by rows, and will be again."""
    wanted: Wanted | None = None
    """What a search is to hold, and by which data; None: nobody said."""
    target: Target | None = None
    """Where the model goes; None: nobody said."""
    moving: bool = False
    """Nothing but weights whose form the target does not take is to be touched."""

    def calibration(self, held_out: bool = False) -> Calibration | None:
        """Return what can be asked about the weights on calibration data; None: there are no data.

        `held_out`: some rows are kept aside, to judge what the others chose.
        """
        return self._asked(self.portion, held_out) if self.portion is not None and self.portion.paths else None

    def synthetic(self) -> Calibration | None:
        """Return what can be asked about the weights on synthetic inputs; None: there are data, or the model is not to be run."""
        return self._asked(self.portion, False) if self.portion is not None and not self.portion.paths else None

    def calibrated(self, portion: Portion) -> Calibration:
        """Return what can be asked about the weights on some data, or on synthetic inputs where it has no files."""
        return self._asked(portion, False)

    @staticmethod
    def _asked(portion: Portion, held_out: bool) -> Calibration:
        from lightweight_cli.calibration.calibration import Calibration
        from lightweight_cli.calibration.settings import MEMORY

        return Calibration(portion, held_out=held_out, memory=portion.memory or MEMORY)

    def rewriter(self, every: bool = False, least: int | None = None) -> Rewriter:
        """Return the model's weights, ready to be replaced; with `every`, other float constants too: large ones, or of `least` bytes."""
        from lightweight_cli.encodings.bundling import Bundling
        from lightweight_cli.weights.rewrite import Rewriter
        from lightweight_cli.weights.search import LEAST
        from lightweight_cli.weights.selection import Selection

        return Rewriter(self.model, self.step, every, Selection(self.only, self.exclude), self.budget, self.by_rows,
                        LEAST if least is None else least, Bundling(self.limits))

    @property
    def limits(self) -> Limits:
        """What one weight may take: as much as all, where that is said; and in which layouts."""
        from lightweight_cli.encodings.limits import LOAD_MEMORY, Limits

        return Limits(load_memory=LOAD_MEMORY if self.budget.value is None else math.inf,
                      refused=self.target.refused if self.target is not None else ())

    def refused(self, weight: Weight) -> str:
        """Return what becomes of a weight where the model goes, if its form is not taken there, or nothing."""
        from lightweight_cli.targets.stored import refused

        return refused(weight, self.target) if self.target is not None and weight.name not in self.by_rows else ""
