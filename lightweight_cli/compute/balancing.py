"""Which values are balanced against the weights that read them, before dynamic layers round them: kept where the outputs are nearer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lightweight_cli.compute import dynamic
from lightweight_cli.compute.integers import FULL, REDUCED
from lightweight_cli.compute.layer import Layer
from lightweight_cli.compute.trial import Trials
from lightweight_cli.numerics.balance import Channels, balanced


def inputs_of(layers: Sequence[Layer]) -> dict[str, list[Layer]]:
    """Return the values of the main graph that may be balanced, with the layers that read each."""
    found: dict[str, list[Layer]] = {}
    for layer in layers:
        role = layer.roles[0]
        if len(layer.roles) == 1 and not role.scope.number:
            found.setdefault(role.node.input[0], []).append(layer)
    return found


def balance(trials: Trials, layers: Sequence[Layer], channels: Mapping[str, Channels], tell: Callable[[str], None]) -> None:
    """Let dynamic layers read balanced values, if that brings the outputs nearer with all of them in integers."""
    top = REDUCED if trials.reduced else FULL
    found = {}
    for value, readers in inputs_of(layers).items():
        matrices = [layer.matrix()[0] for layer in readers]
        if value in channels and all(m.shape[1] == channels[value].power.size for m in matrices):
            scale = balanced(channels[value], matrices, top)
            if scale is not None:
                found[value] = scale
    if not found:
        return
    decisions = {layer.key: dynamic.NAME for layer in layers}
    before = trials.run(decisions, latency=False).sqnr
    seen = trials.seen
    trials.seen = seen._replace(balance=found)
    after = trials.run(decisions, latency=False).sqnr
    kept = before is not None and after is not None and after > before
    if not kept:
        trials.seen = seen
    if before is not None and after is not None:
        tell(f"channels of {len(found)} values balanced against weights (SmoothQuant): {before:.1f} dB with all MatMul in integers became "
             f"{after:.1f}, {'kept' if kept else 'left'}")
