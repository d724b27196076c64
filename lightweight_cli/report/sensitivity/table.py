"""The table of weights and what is said around it, for every form."""

from __future__ import annotations

import math
import shlex

from lightweight_cli.report import words
from lightweight_cli.sensitivity.found import Measured, Sensitivities, Sensitivity
from lightweight_cli.sensitivity.ladder import LADDER

HEAD = ("weight", "op", "shape", *map(str, LADDER))


def decibels(effect: Measured | None) -> str:
    """Return one effect: "31.2", "same" where nothing changes, nothing where it was not tried."""
    if effect is None:
        return ""
    return "same" if effect.sqnr == math.inf else "broken" if effect.sqnr == -math.inf else f"{effect.sqnr:.1f}"


def cells(weight: Sensitivity) -> list[str]:
    """Return a weight's cells behind its name."""
    if weight.reason is not None:
        return [weight.op, words.shape(weight.shape), weight.reason, *[""] * (len(LADDER) - 1)]
    return [weight.op, words.shape(weight.shape), *(decibels(weight.at(*rung)) for rung in LADDER)]


def basis(found: Sensitivities) -> str:
    """Say on what the model ran, and what the figures are."""
    many = words.plural(found.samples, "sample") + (f" of {found.of:,}" if found.of > found.samples else "")
    on = f"{words.plural(found.samples, 'synthetic input')}: give --calibrate for figures on real ones" if found.synthetic else many
    return f"dB of the outputs with one weight changed, on {on}"


def advice(found: Sensitivities) -> str:
    """Say what leaving the worst weights out comes to."""
    if found.rest_sqnr is None:
        return "nothing could be measured"
    rest = "change nothing" if found.rest_sqnr == math.inf else f"come to {found.rest_sqnr:.1f} dB together"
    if not found.exclude:
        return f"at {found.bits} bits all weights {rest}: none needs to stay out"
    known = sum(bool(w.effects) for w in found.weights)
    if len(found.exclude) == known:
        return f"at {found.bits} bits no weight can stay in: use more bits"
    return f"at {found.bits} bits, without {words.plural(len(found.exclude), 'weight')} the others {rest}:"


def options(found: Sensitivities) -> str:
    """Return the list to paste behind a command; empty where no weight needs to stay out, or none can stay in."""
    if len(found.exclude) == sum(bool(w.effects) for w in found.weights):
        return ""
    return " ".join(f"--exclude {shlex.quote(p)}" for p in found.exclude)


def notes(found: Sensitivities) -> list[str]:
    """Return what else must be said."""
    return [] if found.complete else ["the time was over before all was tried: --time-limit gives more"]
