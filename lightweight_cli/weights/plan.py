"""What a pass wants to put in a weight's place, and who is told what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.further import Further
from lightweight_cli.weights.load_budget import Form
from lightweight_cli.weights.told import NOTHING, Told
from lightweight_cli.weights.weight import Weight

if TYPE_CHECKING:
    from lightweight_cli.weights.emission import Together


@dataclass(eq=False, repr=False)
class Plan:
    """What a pass wants to put in a weight's place, or why it leaves it alone."""

    weight: Weight
    options: Sequence[Emission] = ()
    """Ways to store the new values; the smallest is taken."""
    changed: int = 1
    """What the pass counts: weights stored anew, or values set."""
    reason: str = ""
    must: bool = False
    """Store it whatever it takes."""
    anew: bool = False
    """The values changed: they are stored even where nothing is saved, but not where the file would grow."""
    waits: bool = False
    """Its options hold little, as what they store is in the spool or in the model's file: none is made before all weights have theirs.
    The options of others hold codes, and are asked for again where another one has to be taken."""
    further: Further | None = None
    """Forms that its options leave out as long as it is not known whether there is room for them; only of one that waits."""
    taken: Emission | None = None
    sqnr: float | None = None
    """dB, of a sample of the values: weights.noise."""
    told: Told = NOTHING
    shift: np.ndarray | None = None
    """What to add to the outputs of its operator, in the bias: weights.shift."""
    spare: Emission | None = None
    """What is taken instead where shared tables do not pay."""
    unsplit: Emission | None = None
    """What is taken instead where the tables of split trees do not pay."""
    kept: bool = False
    """Stored anew as it is: what it was stored in goes."""
    together: Together | None = None
    """The bundle that it is stored in, how many bytes of that it answers for, and how it is stored."""
    part: int = 0
    said: str = ""
    menu: Sequence[Form] = ()
    """The options that may be taken, the one that is taken first."""

    @property
    def nbytes(self) -> int:
        """Bytes of the option taken."""
        return self.part if self.together is not None else self.taken.nbytes if self.taken is not None else 0

    @property
    def label(self) -> str:
        """How it is stored."""
        return "" if self.taken is None else self.taken.label if self.together is None else self.together.emission.label

    @property
    def stored_as(self) -> str:
        """The same in words, for people."""
        return self.said if self.together is not None else self.taken.stored_as if self.taken is not None else ""

    @property
    def alone(self) -> bool:
        """Whether what is taken does not depend on other weights: it comes into no bundle, and nothing else is there instead."""
        return self.taken is None or (self.taken.codes is None and self.spare is None and self.unsplit is None)

    def leave_others(self) -> None:
        """Keep what is taken, whatever becomes of others."""
        self.spare = self.unsplit = None
        if self.taken is not None:
            self.taken.codes = None

    @property
    def gain(self) -> int:
        """Bytes that the option taken saves, shared tables left out: against the spare one, or what is stored now."""
        if self.taken is None:
            return 0
        return (self.spare.nbytes if self.spare is not None else self.weight.stored_bytes()) - self.taken.nbytes


class Listener(Protocol):
    """What a rewriter tells: its progress, and what became of each weight (pipeline.step_report)."""

    lossy: bool
    """Whether values may change, and how far they did is worth measuring."""

    def expect(self, total: int) -> None: ...
    def advance(self, count: int) -> None: ...
    def leave(self, name: str, op: str, shape: tuple[int, ...], nbytes: int, reason: str) -> None: ...
    def done(self, name: str, op: str, shape: tuple[int, ...], encoding: str, before: int, after: int, changed: int,
             stored_as: str = "", sqnr: float | None = None, told: Told = NOTHING) -> None: ...
    def note(self, text: str) -> None: ...
