"""Stored shapes of inner values (value_info): which of them tell what a runtime can't infer itself."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lightweight_cli.model.opsets import domain_of
from lightweight_cli.model.scopes import Scope, Scopes
from lightweight_cli.passes.strip.liveness import all_nodes, defined
from lightweight_cli.weights import constants

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

INFERRED = {"", "ai.onnx.ml"}
"""Domains for whose operators every runtime infers shapes."""
DATA_DEPENDENT = {"NonZero", "Compress", "Unique", "NonMaxSuppression", "StringSplit", "If", "Loop", "Scan",
                  "SequenceAt", "OptionalGetElement", "ConcatFromSequence"}
"""Operators whose output shape follows from values; without it onnxruntime folds no NonZero or Compress."""
SHAPE_INPUTS = {"Reshape": (1,), "Expand": (1,), "ConstantOfShape": (0,), "Tile": (1,), "Slice": (1, 2, 3, 4),
                "Pad": (1, 3), "Resize": (1, 2, 3), "Upsample": (1,), "TopK": (1,), "OneHot": (1,), "Range": (0, 1, 2),
                "Squeeze": (1,), "Unsqueeze": (1,), "Split": (1,), "CenterCropPad": (1,), "Col2Im": (1, 2),
                "MaxUnpool": (2,), "AffineGrid": (1,), "ReduceSum": (1,), "ReduceMean": (1,), "ReduceMax": (1,),
                "ReduceMin": (1,)}
"""Operators whose output shape follows from these inputs, where they are not constants."""


def drop_shapes(proto: ModelProto, removed: Counter[str]) -> None:
    """Remove value_info that is inferred anyway, or whose name is gone."""
    owners = [proto.graph, *proto.functions]
    keep_all = any(domain_of(n.domain) not in INFERRED for owner in owners for n in all_nodes(owner))
    for scope in Scopes(proto).all:
        infos = scope.graph.value_info
        if not infos:
            continue
        names = defined(scope.graph)
        needed = names if keep_all else {o for n in scope.graph.node if _is_dependent(scope, n) for o in n.output}
        for i in reversed(range(len(infos))):
            if infos[i].name not in needed:
                del infos[i]
                removed["stored shape"] += 1


def _is_dependent(scope: Scope, node: NodeProto) -> bool:
    """Whether the shape of the node's outputs depends on more than the shapes of its inputs."""
    if node.op_type in DATA_DEPENDENT:
        return True
    at = SHAPE_INPUTS.get(node.op_type, ())
    return any(not _is_leaf(scope, node.input[i]) for i in at if i < len(node.input) and node.input[i])


def _is_leaf(scope: Scope, name: str) -> bool:
    home = scope.resolve(name)
    return home is not None and name not in home.inputs and constants.leaf(home, name) is not None
