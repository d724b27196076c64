"""Passes that make files smaller by storage encodings alone, for places that keep none."""

from __future__ import annotations

from collections.abc import Callable

from lightweight_cli.targets.target import Options, Refusal

CHANNELS = "prune-channels, which makes every form smaller"
INTEGERS = "quantize --for speed or --for memory, which keep integers, but for --activations none"
STATIC = "quantize --for speed --activations static, with calibration data"
QDQ = "integers are only where QuantizeLinear and DequantizeLinear stand at both sides"
ONLY_QDQ = {name: Refusal(QDQ, STATIC) for name in ("qoperator", "nbits")}
"""Formats that places for static QDQ models don't take."""


def computes(options: Options) -> bool:
    """Whether quantize writes what a runtime computes on, not what it decodes."""
    some = options.get("activations") != "none" or options.get("format") == "nbits"
    return options.get("for_") in ("speed", "memory") and some


def static(options: Options) -> bool:
    """Whether quantize writes ranges of activations that were found beforehand."""
    return computes(options) and options.get("activations") == "static"


def halves(options: Options) -> bool:
    """Whether half writes operators that take float16."""
    return bool(options.get("compute"))


def never(options: Options) -> bool:
    """No options of a pass write what the place takes."""
    return False


def refusals(kept: str, *but: str, unless: Callable[[Options], bool] = never, instead: str = CHANNELS,
             computing: Callable[[Options], bool] = halves) -> dict[str, Refusal]:
    """Return the passes that gain nothing where storage encodings are not kept.

    `kept` says what becomes of them there; `but` passes that it takes after all; `unless`, `instead`: of quantize; `computing`: the
    same of half.
    """
    found = {
        "quantize": Refusal(f"its codes are decoded to floats: {kept}", instead, unless),
        "compress": Refusal(f"its codes are decoded to floats: {kept}", instead),
        "share": Refusal(f"its codebooks are decoded to floats: {kept}", instead),
        "pack": Refusal(f"its exact forms are decoded to floats: {kept}", "strip, fold and dedupe"),
        "half": Refusal(f"its halves are widened to floats: {kept}", instead, computing),
        "prune": Refusal(f"its zeros are stored as floats: {kept}", CHANNELS),
    }
    return {name: refusal for name, refusal in found.items() if name not in but}
