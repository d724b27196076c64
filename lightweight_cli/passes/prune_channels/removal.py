"""The pass: labels, groups, a choice of units, and the cut."""

from __future__ import annotations

from dataclasses import replace as replace_context
from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.errors import UsageError
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.passes.prune_channels.by_outputs import by_outputs
from lightweight_cli.passes.prune_channels.choosing import Choice, Wanted
from lightweight_cli.passes.prune_channels.depth import remove_blocks
from lightweight_cli.passes.prune_channels.importance import by_weights
from lightweight_cli.passes.prune_channels.recovering import recovered, studied
from lightweight_cli.passes.prune_channels.recovery import Recovery, put
from lightweight_cli.passes.prune_channels.selected import Selected
from lightweight_cli.passes.prune_channels.telling import tell
from lightweight_cli.passes.prune_channels.timing import Cut, share_for
from lightweight_cli.structure.cost import Cost
from lightweight_cli.structure.cut import cut
from lightweight_cli.structure.groups import Group, groups_of
from lightweight_cli.structure.trace import Trace
from lightweight_cli.structure.tracing import traced
from lightweight_cli.weights.graph_edits import modernise

if TYPE_CHECKING:
    from lightweight_cli.calibration.study import Study
    from lightweight_cli.model.model import Model
    from lightweight_cli.pipeline.context import Context

AUTO, RECONSTRUCTION = "auto", "reconstruction"
__all__ = ["Wanted", "remove_channels"]


def remove_channels(context: Context, wanted: Wanted, importance: str, recover: bool) -> int:
    """Remove the least important channels. Returns: how many. Raises: UsageError."""
    if sum(x is not None for x in wanted[:5]) != 1:
        raise UsageError("prune-channels: give exactly one of --ratio, --macs, --channels, --speedup and --depth")
    if wanted.depth is not None:
        return remove_blocks(context, wanted.depth, recover)
    scopes = Scopes(context.model.proto)
    selected = Selected(context, scopes)
    trace = traced(context.model, scopes, wanted.inner)
    selected.freeze(trace)
    groups = groups_of(trace)
    cost, recovery = Cost(trace), Recovery(trace, selected)
    with studied(context, recovery, bool(groups) and (recover or importance == RECONSTRUCTION)) as study:
        scores = scored(context, trace, groups, recovery, study, importance)
        if wanted.speedup is not None:
            wanted = wanted._replace(speedup=None, channels=share_for(context, wanted.speedup, cutter(context, scores, wanted)))
        choice = Choice(trace, groups, scores, wanted)
        counts = choice.made(cost)
        recovery.kept = kept = choice.kept(counts)
        found = recovered(context, recovery, study) if recover and np.any(counts) else {}

    def changed() -> list[str]:
        if not np.any(counts):
            return []
        for weight in recovery.weights:
            if id(weight) in found:
                put(trace, weight, found[id(weight)])
        modernise(context.model, trace.scope)
        return cut(trace, kept)

    return tell(context, trace, selected, cost, kept, changed, found)


def cutter(context: Context, scores: list[np.ndarray], wanted: Wanted) -> Cut:
    """Return what takes a share of the channels out of another copy of the model, with nothing recovered."""
    def cut_share(model: Model, share: float) -> None:
        scopes = Scopes(model.proto)
        trace = traced(model, scopes, wanted.inner)
        Selected(replace_context(context, model=model), scopes).freeze(trace)
        choice = Choice(trace, groups_of(trace), scores, wanted._replace(speedup=None, channels=share))
        kept = choice.kept(choice.counts(share))
        modernise(model, trace.scope)
        cut(trace, kept)

    return cut_share


def scored(context: Context, trace: Trace, groups: list[Group], recovery: Recovery, study: Study | None,
           importance: str) -> list[np.ndarray]:
    """Return the importance of each group's units: by the outputs that read them where that is asked for and known, else by weights."""
    seen: dict[int, np.ndarray] = {}
    if study is not None and (importance == RECONSTRUCTION or (importance == AUTO and context.step.calibrated is not None)):
        context.step.settle(importance=RECONSTRUCTION)
        context.step.expect(len(recovery.weights), "what each channel is worth")
        seen = by_outputs(trace, groups, recovery.layers, study.statistics(advance=lambda done, of: context.step.advance(1)))
    elif importance in (AUTO, RECONSTRUCTION):
        context.step.settle(importance="l1")
    power = 2 if importance == "l2" else 1
    return [seen[i] if i in seen else by_weights(trace, group, power) for i, group in enumerate(groups)]
