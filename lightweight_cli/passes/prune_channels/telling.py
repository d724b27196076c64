"""What the report says of a cut: each weight that became smaller, what stays and why, and the sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lightweight_cli.model import tensors
from lightweight_cli.passes.prune_channels.recovering import Refits
from lightweight_cli.passes.prune_channels.recovery import Refit
from lightweight_cli.passes.prune_channels.selected import Selected
from lightweight_cli.structure.cost import Cost, everything
from lightweight_cli.structure.trace import Kept, Trace
from lightweight_cli.weights import constants
from lightweight_cli.weights.told import NOTHING, Told

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context


def tell(context: Context, trace: Trace, selected: Selected, cost: Cost, kept: Kept, cut: Callable[[], list[str]],
         found: Refits) -> int:
    """Cut, and tell the step what that did. Returns: the channels removed."""
    step = context.step
    layers = selected.layers(trace)
    figures = [(what, measure(everything), measure(kept))
               for what, measure in (("parameters", cost.parameters), ("MACs", cost.macs))]
    gone, reasons, before = {}, {}, {}
    for weight in selected.weights:
        read = layers.get(id(weight), [])
        reasons[id(weight)] = selected.reason(trace, weight, read)
        before[id(weight)] = weight.shape, weight.stored_bytes()
        outputs = read[0].outputs if read else None
        gone[id(weight)] = (0, 0) if outputs is None else (len(outputs), int((~kept(outputs)).sum()))
    changed = set(cut())
    for weight in selected.weights:
        shape, nbytes = before[id(weight)]
        if weight.scope is trace.scope and any(name in changed for _, name in constants.chain(trace.scope, weight.name)):
            of, count = gone[id(weight)]
            stored_as = f"{of - count:,} of {of:,} outputs" if count else "fewer inputs"
            step.done(weight.name, weight.op, shape, tensors.type_name(weight.dtype), nbytes, weight.stored_bytes(), count, stored_as,
                      told=_told(found.get(id(weight))))
        elif reasons[id(weight)]:
            step.leave(weight.name, weight.op, shape, nbytes, reasons[id(weight)])
    if changed:
        step.note("; ".join(f"{what} {a:,} -> {b:,} ({b / a - 1:+.0%})" for what, a, b in figures if a))
    else:
        step.note("no channels can go" if not any(not r for r in reasons.values()) else "no channels go: fewer than one of each group")
    return step.changed


def _told(new: Refit | None) -> Told:
    """Return how a layer's values were found, and its error on held-out rows."""
    if new is None or not new.solved:
        return NOTHING
    return Told(None, "solved for the outputs", None if new.errors is None else new.errors[1])
