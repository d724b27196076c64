"""An optimised model made fit to take the original's place: its interface, versions and provenance kept."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lightweight_cli.errors import printable
from lightweight_cli.model.opsets import domain_of, versions_of
from lightweight_cli.passes.fold.additions import drop_additions
from lightweight_cli.passes.strip.liveness import all_nodes

if TYPE_CHECKING:
    from onnx import FunctionProto, GraphProto, ModelProto

MOST_NODES = 1_000_000
"""Functions may call each other to any depth: a file of 3 KB can stand for 2^40 nodes, which onnxruntime writes out."""
KEPT = ("producer_name", "producer_version", "domain", "model_version", "doc_string")


def unfit(old: ModelProto) -> str | None:
    """Return why onnxruntime must not optimise the model `old`, or None."""
    versions = versions_of(old.opset_import)
    for function in old.functions:
        for opset in function.opset_import:
            if versions.get(domain_of(opset.domain), opset.version) != opset.version:
                return f"function {printable(function.name)} is of another opset than the model"
    if old.training_info:
        return "it has training information"
    nodes = expanded(old)
    if nodes > MOST_NODES:
        return f"its functions, written out, are {nodes:.3g} nodes; at most {MOST_NODES:,} are folded"
    return None


def expanded(proto: ModelProto) -> float:
    """Return the number of nodes the model has when every call of a function is replaced by the function's nodes."""
    bodies = {(domain_of(f.domain), f.name, f.overload): f for f in proto.functions}
    known: dict[tuple[str, str, str], float] = {}

    def count(owner: GraphProto | FunctionProto) -> float:
        total = 0.0
        for node in all_nodes(owner):
            key = domain_of(node.domain), node.op_type, node.overload
            if key in bodies and key not in known:
                known[key] = math.inf  # what a function that calls itself comes to
                known[key] = count(bodies[key])
            total += known.get(key, 1.0)
        return total

    try:
        return count(proto.graph)
    except RecursionError:  # calls some hundred functions deep
        return math.inf


def restore(old: ModelProto, new: ModelProto) -> str | None:
    """Give `new` the inputs, outputs, versions and metadata of `old`.

    Returns: None, or why `new` can't take the place of `old`.
    """
    was, now = _listed(old), _listed(new)
    if was != now:
        return "its inputs or outputs are others"
    versions = [versions_of(m.opset_import) for m in (old, new)]
    before, after = operators(old), operators(new)
    for domain, op in sorted(after - before):
        if domain:
            return f"it uses {printable(op)} of {printable(domain)}"
    for domain in sorted({domain for domain, _ in after}):
        if versions[0].get(domain) != versions[1].get(domain):
            return f"its opset of {printable(domain) or 'ai.onnx'!r} is another"
    if new.ir_version > max(old.ir_version, 4):
        return "its IR version is higher"
    initial = {t.name for t in old.graph.initializer}
    constants = initial if old.ir_version < 4 else set()
    new.ir_version = max(old.ir_version, 4)
    new.graph.ClearField("input")
    new.graph.input.extend(v for v in old.graph.input if v.name not in constants)
    new.graph.ClearField("output")
    new.graph.output.extend(old.graph.output)
    for owner, origin, name in ((new, old, "opset_import"), (new, old, "metadata_props"),
                                (new.graph, old.graph, "metadata_props")):
        owner.ClearField(name)
        getattr(owner, name).extend(getattr(origin, name))
    for owner, origin, names in ((new, old, KEPT), (new.graph, old.graph, ("name", "doc_string"))):
        for name in names:
            owner.ClearField(name)
            if origin.HasField(name):
                setattr(owner, name, getattr(origin, name))
    drop_additions(old, new)
    return None


def operators(proto: ModelProto) -> set[tuple[str, str]]:
    """Return domain and name of every operator the model uses, in functions too."""
    return {(domain_of(n.domain), n.op_type) for owner in (proto.graph, *proto.functions) for n in all_nodes(owner)}


def count_nodes(proto: ModelProto) -> int:
    """Return the number of nodes, those of subgraphs and functions included."""
    return sum(1 for owner in (proto.graph, *proto.functions) for _ in all_nodes(owner))


def _listed(proto: ModelProto) -> tuple[list[tuple[str, bool]], list[str]]:
    """Return the inputs with whether each has a default, and the outputs, in order."""
    initial = {t.name for t in proto.graph.initializer}
    inputs = [(v.name, v.name in initial) for v in proto.graph.input if proto.ir_version >= 4 or v.name not in initial]
    return inputs, [v.name for v in proto.graph.output]
