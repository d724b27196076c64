"""The pass: labels, groups, a choice of units, and the cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.errors import UsageError
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.passes.prune_channels import importance as importances
from lightweight_cli.passes.prune_channels.choosing import Choice, Wanted
from lightweight_cli.passes.prune_channels.selected import Selected
from lightweight_cli.passes.prune_channels.telling import tell
from lightweight_cli.structure.cost import Cost
from lightweight_cli.structure.cut import cut
from lightweight_cli.structure.groups import groups_of
from lightweight_cli.structure.trace import Kept, Trace
from lightweight_cli.structure.tracing import traced
from lightweight_cli.weights.graph_edits import modernise

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context

__all__ = ["Wanted", "remove_channels"]


def remove_channels(context: Context, wanted: Wanted, importance: str) -> int:
    """Remove the least important channels. Returns: how many. Raises: UsageError."""
    if sum(x is not None for x in wanted[:3]) != 1:
        raise UsageError("prune-channels: give exactly one of --ratio, --macs and --channels")
    model = context.model
    scopes = Scopes(model.proto)
    selected = Selected(context, scopes)
    trace = traced(model, scopes)
    selected.freeze(trace)
    groups = groups_of(trace)
    cost = Cost(trace)
    scores = [importances.by_weights(trace, group, 1 if importance == "l1" else 2) for group in groups]
    choice = Choice(trace, groups, scores, wanted)
    counts = choice.made(cost)
    kept = choice.kept(counts)
    return tell(context, trace, selected, cost, kept, lambda: _cut(context, trace, kept) if np.any(counts) else [])


def _cut(context: Context, trace: Trace, kept: Kept) -> list[str]:
    modernise(context.model, trace.scope)
    return cut(trace, kept)
