"""What a target makes of a model, told beforehand from its file."""

from __future__ import annotations

from lightweight_cli.encodings.named import LAYOUTS
from lightweight_cli.errors import printable
from lightweight_cli.inspect.formatting import size
from lightweight_cli.model.opsets import domain_of
from lightweight_cli.targets.operators import Used, used
from lightweight_cli.targets.refuse import not_taken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lightweight_cli.inspect.records import Model
    from lightweight_cli.targets.target import Target


def told(target: Target, document: dict[str, Any], model: Model) -> dict[str, Any]:
    """Return what will not load, not fold or not be available there, as sentences."""
    opset = {domain_of(domain): version for domain, version in model.opsets.items()}.get("", 1)
    missing = not_taken(target, model.ir_version, opset, _operators(model))
    return {"name": target.name, "min_runtime": target.runtime or None, "loads": not missing,
            "file": [f"it has {text}" for text in missing] + _stored(target, document) + _shapes(target, document),
            "passes": [f"{name}: {refusal.why}; take {refusal.instead}" for name, refusal in
                       (*target.passes.items(), *((f"quantize --format {form}", why) for form, why in target.formats.items()))],
            "must_not_get": list(target.must_not), "evidence": target.evidence, "source": target.source}


def _operators(model: Model) -> set[Used]:
    """Return the operators of all graphs and functions, but for calls of the model's own functions."""
    own, found = {f.domain for f in model.functions}, set()
    waiting = [g for g in (model.graph, *model.functions) if g is not None]
    while waiting:
        for node in waiting.pop().nodes:
            if node.domain not in own:
                bits = node.attributes.get("bits")
                found.add(used(node.domain, node.op, [bits] if isinstance(bits, int) else []))
            waiting += [graph for _, graph in node.graphs]
    return found


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
    """Say which inputs have no fixed shape where one is needed, and of data outside the file."""
    if target.one_file and document["external"]:
        return ["it has external data, which has to be handed over beside the file: lwc strip writes one file"]
    if not target.fixed_shapes:
        return []
    free = [printable(p["name"], 40) for p in document["model"]["inputs"]
            if p["shape"] is None or not all(isinstance(d, int) for d in p["shape"])]
    return [f"inputs without a fixed shape: {', '.join(free)}"] if free else []
