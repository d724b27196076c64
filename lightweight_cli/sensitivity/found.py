"""What was found of each weight, and of the model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """What the outputs lose by one change of one weight."""

    kind: str
    """bits or sparsity."""
    amount: float
    """How many bits, or the share of zeros."""
    sqnr: float
    """dB of the worst output, of scores before the softmax; inf: nothing changes."""

    @property
    def loss(self) -> float:
        """Squared error over the output's power."""
        return float(10 ** (-self.sqnr / 10))


@dataclass(frozen=True)
class Sensitivity:
    """One weight, changed alone."""

    name: str
    op: str
    """The operators that use it."""
    shape: tuple[int, ...]
    bytes: int
    """It takes in the file, with what decodes it."""
    effects: tuple[Measured, ...]
    """From mild to strong, bits before zeros; some are missing where time was short or a change is impossible."""
    reason: str | None = None
    """Why there is none at all."""

    def at(self, kind: str, amount: float) -> Measured | None:
        """Return what one change does, where it was tried."""
        return next((e for e in self.effects if e.kind == kind and e.amount == amount), None)


@dataclass(frozen=True)
class Sensitivities:
    """All weights of a model, the worst first."""

    source: str
    source_sha256: str
    samples: int
    """On which it ran."""
    of: int
    """How many the data have."""
    synthetic: bool
    """Whether the inputs were made up."""
    bits: int
    """By which the weights are ranked, and the list of weights to leave out is made."""
    weights: tuple[Sensitivity, ...]
    exclude: tuple[str, ...]
    """Patterns of the weights to leave out."""
    rest_sqnr: float | None
    """dB that the others come to together, as far as their errors add up; None: nothing was measured."""
    complete: bool
    """Whether the time sufficed for the whole ladder."""
    seconds: float
