"""What may be said of a change without data: figures for each kind of synthetic inputs, and a verdict in words.

Measured on five image models and some fifty quantizations of each, against labels: of those with 15 dB or more on every kind none
lost a point; between 6 and 15 dB most lost less than two, some ten; below 6 dB 85 of 90 lost more than two. So there are three
words, and never a figure that looks like accuracy. Inputs without a known form are farther from what the model is fed: there real rows
came out 12 to 19 dB better (silero-vad, sk-digits-mlp), and only an error above the outputs themselves told of a loss (docs/verdicts.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

UNHARMED, HARMED = 15.0, 6.0
"""dB of the worst output on the worst kind, from which on there is no sign of damage, and below which a loss is to be expected."""
HARMED_PLAIN = 0.0
"""The same where inputs have no known form."""
PLAIN = "plain"
"""The kind of inputs that have none."""
SPREAD = 10.0
"""dB between kinds from which on the figures mean little."""
STILL = 0.05
"""Share of an output's power that must vary between inputs: below, an SQNR tells of the mean only."""
ASIDE = {"patches", "padded"}
"""Kinds that predict least: shown, and no part of the verdict where there are others."""
NO_SIGN, UNKNOWN, LOSS = "no sign of damage", "can't tell without data", "expect a loss"


@dataclass(frozen=True)
class KindFidelity:
    """How far the candidate is from the reference on one kind of synthetic inputs."""

    name: str
    """leaves, documents, pink, patches; tokens, padded; uniform, skewed, repeated; plain where there is one way only."""
    samples: int
    sqnr: float | None
    """The worst output's, in dB."""
    centred: float | None
    """The worst output's, in dB, of what varies between inputs."""
    varying: float | None
    """Share of that output's power that varies between inputs."""


def counted(kinds: Sequence[KindFidelity]) -> list[KindFidelity]:
    """Return the kinds that the verdict rests on."""
    known = [k for k in kinds if k.sqnr is not None]
    return [k for k in known if k.name not in ASIDE] or known


def spread(kinds: Sequence[KindFidelity]) -> float:
    """Return the dB between the best and the worst kind that count; 0 where some have no error at all."""
    figures = [k.sqnr for k in counted(kinds) if k.sqnr is not None]
    apart = max(figures, default=0.0) - min(figures, default=0.0)
    return apart if math.isfinite(apart) else 0.0


def verdict(kinds: Sequence[KindFidelity]) -> str | None:
    """Return what may be said; None where nothing was compared, or nothing differs."""
    used = counted(kinds)
    worst = min((k.sqnr for k in used if k.sqnr is not None), default=math.inf)
    if worst == math.inf:
        return None
    if not worst >= (HARMED_PLAIN if all(k.name == PLAIN for k in used) else HARMED):
        return LOSS
    still = any(k.varying is not None and k.varying < STILL and k.centred is not None and k.centred < UNHARMED for k in used)
    return UNKNOWN if worst < UNHARMED or still else NO_SIGN
