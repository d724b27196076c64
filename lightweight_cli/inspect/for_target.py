"""What a target makes of a model, told beforehand from its file."""

from __future__ import annotations

from lightweight_cli.encodings.named import LAYOUTS
from lightweight_cli.errors import printable
from lightweight_cli.inspect.formatting import size
from lightweight_cli.model.opsets import domain_of
from lightweight_cli.targets.refuse import too_new

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lightweight_cli.targets.target import Target


def told(target: Target, document: dict[str, Any]) -> dict[str, Any]:
    """Return what will not load, not fold or not be available there, as sentences."""
    model = document["model"]
    new = too_new(target, model["ir_version"], {domain_of(d): v for d, v in model["opsets"].items()},
                  [group["name"] for group in document["by_encoding"]])
    return {"name": target.name, "min_runtime": target.runtime or None, "loads": not new,
            "file": [f"it has {text}" for text in new] + _stored(target, document) + _shapes(target, document),
            "passes": [f"{name}: {refusal.why}; take {refusal.instead}" for name, refusal in target.passes.items()],
            "must_not_get": list(target.must_not), "evidence": target.evidence, "source": target.source}


def _stored(target: Target, document: dict[str, Any]) -> list[str]:
    """Say which weights are in forms that it does not take."""
    found: dict[tuple[str, str], list[int]] = {}
    for row in document["tensors"]:
        name = row["encoding"].partition(" ")[0] if row["decoded_by"] else ""
        why = next((target.refused[layout] for layout in LAYOUTS.get(name, ()) if layout in target.refused), None)
        if why is None and "int4" in row["dtype"] and row["decoded_by"]:
            why = target.refused.get("int4")
        if why is not None:
            sums = found.setdefault((name, why), [0, 0])
            sums[0] += 1
            sums[1] += row["bytes"]
    return [f"{count} weight{'s' * (count > 1)} ({size(nbytes)}) stored as {name}: {'each ' * (count > 1)}{why}; "
            f"--target {target} stores {'them' if count > 1 else 'it'} anew" for (name, why), (count, nbytes) in found.items()]


def _shapes(target: Target, document: dict[str, Any]) -> list[str]:
    """Say which inputs have no fixed shape, where one is needed."""
    if not target.fixed_shapes:
        return []
    free = [printable(p["name"], 40) for p in document["model"]["inputs"]
            if p["shape"] is None or not all(isinstance(d, int) for d in p["shape"])]
    return [f"inputs without a fixed shape: {', '.join(free)}"] if free else []
