"""Weights whose form a target does not take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import TensorProto

from lightweight_cli.encodings.named import LAYOUTS, storage_encoding
from lightweight_cli.targets.target import Target
from lightweight_cli.weights import constants

if TYPE_CHECKING:
    from lightweight_cli.weights.weight import Weight

FOUR_BITS = (TensorProto.INT4, TensorProto.UINT4)


def refused(weight: Weight, target: Target) -> str:
    """Return what becomes of a weight there that its place does not take as it is stored, or nothing."""
    if not weight.encoded or not target.refused:
        return ""
    return next((target.refused[layout] for layout in layouts(weight) if layout in target.refused), "")


def layouts(weight: Weight) -> tuple[str, ...]:
    """Return the layouts that an encoded weight may be stored in, told from the operators that decode it."""
    chain = constants.chain(weight.scope, weight.name)
    nodes = [home.producers[name] for home, name in chain if name in home.producers]
    found = LAYOUTS.get(storage_encoding(frozenset(n.op_type for n in nodes if n.op_type != "Constant")), ())
    tensors = filter(None, (constants.leaf(home, name) for home, name in chain))
    return (*found, "int4") if found and any(t.data_type in FOUR_BITS for t in tensors) else found
