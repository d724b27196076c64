"""Equal tensors, found by type, shape and a hash of their bytes, and merged where names allow it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightweight_cli.model.scopes import Scope, Scopes
from lightweight_cli.passes.dedupe.content import groups
from lightweight_cli.passes.dedupe.holders import Holder, Names, holders
from lightweight_cli.weights.graph_edits import modernise

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model
    from lightweight_cli.pipeline.context import Context


def merge(context: Context) -> int:
    """Store equal tensors once: the first in order stays, the others' uses are rewired to it.

    Returns: tensors merged.
    """
    model = context.model
    scopes = Scopes(model.proto)
    names = Names(model.proto, scopes)
    found = [h for h in holders(scopes) if h.name not in h.scope.inputs and not names.is_ambiguous(h)]
    gone: dict[int, tuple[Scope, set[str]]] = {}
    merged = saved = 0
    for group in groups(model, found):
        kept: list[Holder] = []
        for holder in group:
            first = next((k for k in kept if _replaces(model, names, k, holder)), None)
            if first is None:
                kept.append(holder)
                continue
            for use in holder.scope.uses.pop(holder.name, []):
                use.node.input[use.index] = first.name
                first.scope.uses.setdefault(first.name, []).append(use)
            gone.setdefault(id(holder.scope), (holder.scope, set()))[1].add(holder.name)
            merged, saved = merged + 1, saved + holder.nbytes(model)
    if merged:
        modernise(model, scopes.main)
        for scope, dropped in gone.values():
            _drop(scope, dropped)
        context.step.note(f"equal tensors of {saved:,} bytes are stored once")
    return merged


def _replaces(model: Model, names: Names, kept: Holder, other: Holder) -> bool:
    """Whether `kept` is seen from all uses of `other`, and the file shrinks."""
    uses = other.scope.uses.get(other.name, [])
    if other.name in other.scope.outputs or not names.encloses(kept.scope, other.scope):
        return False
    if not all(use.scope.resolve(kept.name) is kept.scope and names.is_before(kept, use) for use in uses):
        return False
    longer = len(kept.name.encode()) - len(other.name.encode())
    return len(uses) * longer < other.nbytes(model)


def _drop(scope: Scope, dropped: set[str]) -> None:
    """Remove the tensors of these names from the graph, and what is said about their shapes."""
    graph = scope.graph
    for i in reversed(range(len(graph.node))):
        if not dropped.isdisjoint(graph.node[i].output):
            del graph.node[i]
    for listed in (graph.value_info,) if scope.is_function else (graph.value_info, graph.initializer):
        for i in reversed(range(len(listed))):
            if listed[i].name in dropped:
                del listed[i]
