"""Passes that make files smaller by storage encodings alone, for places that keep none."""

from __future__ import annotations

from lightweight_cli.targets.target import Options, Refusal


def computes(options: Options) -> bool:
    """Whether a pass writes what a runtime computes on, not what it decodes."""
    return options.get("for_", options.get("purpose")) in ("speed", "memory")


def refusals(kept: str, *but: str) -> dict[str, Refusal]:
    """Return the passes that gain nothing where storage encodings are not kept, `but` for some; `kept` says what becomes of them."""
    channels = "prune-channels, which makes every form smaller"
    found = {
        "quantize": Refusal(f"its codes are decoded to floats: {kept}", channels, computes),
        "compress": Refusal(f"its codes are decoded to floats: {kept}", channels, computes),
        "share": Refusal(f"its codebooks are decoded to floats: {kept}", channels),
        "pack": Refusal(f"its exact forms are decoded to floats: {kept}", "strip, fold and dedupe"),
        "half": Refusal(f"its halves are widened to floats: {kept}", channels, lambda options: bool(options.get("compute"))),
        "prune": Refusal(f"its zeros are stored as floats: {kept}", channels),
    }
    return {name: refusal for name, refusal in found.items() if name not in but}
