"""The table of weights and what is said around it, for every form."""

from __future__ import annotations

import math
import shlex

from lightweight_cli.report import words
from lightweight_cli.sensitivity.advice import pattern
from lightweight_cli.sensitivity.found import Measured, Sensitivities, Sensitivity
from lightweight_cli.sensitivity.ladder import LADDER

MOST = 0.5
"""Share of the bytes beyond which leaving weights out saves less than it costs."""
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
    out = words.plural(len(found.exclude), "weight")
    if share(found) > MOST:
        return (f"at {found.bits} bits {out} with {100 * share(found):.0f} % of the bytes would have to stay out: "
                "use more bits, or rounding that looks at data (quantize --calibrate)")
    return f"at {found.bits} bits, without {out} the others {rest}:"


def options(found: Sensitivities) -> str:
    """Return the list to paste behind a command; empty where no weight needs to stay out, or most would have to."""
    if share(found) > MOST:
        return ""
    return " ".join(f"--exclude {shlex.quote(p)}" for p in found.exclude)


def share(found: Sensitivities) -> float:
    """Return the share of the bytes that the weights to leave out take, of all that were measured."""
    out = set(found.exclude)
    total = sum(w.bytes for w in found.weights if w.effects)
    return sum(w.bytes for w in found.weights if pattern(w.name) in out) / total if total else 0.0


def notes(found: Sensitivities) -> list[str]:
    """Return what else must be said."""
    return [] if found.complete else ["the time was over before all was tried: --time-limit gives more"]
