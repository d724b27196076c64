"""Numbers that a graph calculates from constants alone, as exporters do for the pads, axes and ends of other nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx import NodeProto

FOLLOWED = frozenset((
    "Add", "Cast", "Concat", "ConstantOfShape", "Div", "Expand", "Gather", "Identity", "Mul", "Neg", "Range", "Reshape", "Slice",
    "Squeeze", "Sub", "Transpose", "Unsqueeze"))
LONGEST = 64
"""Numbers that one node may make: statements are short."""


def followed(node: NodeProto) -> bool:
    """Whether a node may be one that calculates statements."""
    return node.domain in ("", "ai.onnx") and node.op_type in FOLLOWED and len(node.output) == 1


def calculated(node: NodeProto, inputs: list[np.ndarray | None]) -> np.ndarray | None:
    """Return what a node makes of constants, None where that is long or can't be said."""
    if any(v is not None and v.size > LONGEST for v in inputs):
        return None
    if node.op_type in ("ConstantOfShape", "Expand", "Range") and any(v is not None and np.abs(v).max(initial=0) > LONGEST for v in inputs):
        return None
    from onnx.reference import ReferenceEvaluator

    try:
        made = ReferenceEvaluator(node).run(None, {n: v for n, v in zip(node.input, inputs, strict=True) if n and v is not None})
    except Exception:  # a node that no runtime would take either; exceptions of numpy and onnx have no common base
        return None
    return np.asarray(next(iter(made)))
