"""Passes that make files smaller by storage encodings alone, for places that keep none."""

from __future__ import annotations

from collections.abc import Callable

from lightweight_cli.targets.target import Options, Refusal

CHANNELS = "prune-channels, which makes every form smaller"
INTEGERS = "quantize --for speed or --for memory, which keep integers"
STATIC = "quantize --for speed --activations static, with calibration data"


def computes(options: Options) -> bool:
    """Whether quantize writes what a runtime computes on, not what it decodes."""
    return options.get("for_") in ("speed", "memory")


def static(options: Options) -> bool:
    """Whether quantize writes QuantizeLinear and DequantizeLinear with ranges found beforehand."""
    return computes(options) and options.get("activations") == "static" and options.get("format") in (None, "qdq")


def never(options: Options) -> bool:
    """No options of quantize write what the place takes."""
    return False


def refusals(kept: str, *but: str, unless: Callable[[Options], bool] = never, instead: str = CHANNELS) -> dict[str, Refusal]:
    """Return the passes that gain nothing where storage encodings are not kept.

    `kept` says what becomes of them there; `but` passes that it takes after all; `unless`, `instead`: of quantize.
    """
    found = {
        "quantize": Refusal(f"its codes are decoded to floats: {kept}", instead, unless),
        "compress": Refusal(f"its codes are decoded to floats: {kept}", instead),
        "share": Refusal(f"its codebooks are decoded to floats: {kept}", instead),
        "pack": Refusal(f"its exact forms are decoded to floats: {kept}", "strip, fold and dedupe"),
        "half": Refusal(f"its halves are widened to floats: {kept}", instead, lambda options: bool(options.get("compute"))),
        "prune": Refusal(f"its zeros are stored as floats: {kept}", CHANNELS),
    }
    return {name: refusal for name, refusal in found.items() if name not in but}
