"""A value whose channels are divided by factors: in the normalization that makes it, or by a Mul behind it."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from onnx import NodeProto, helper

from lightweight_cli.compute.edit import Edit
from lightweight_cli.weights import constants
from lightweight_cli.weights.node_attributes import number

NORMALIZATION = "LayerNormalization"


def divided(edit: Edit, value: str, factors: np.ndarray, readers: Collection[int]) -> str:
    """Divide a value of the main graph for the operators that are to read it, given by their ids. Returns: its new name."""
    main = edit.scopes.main
    maker = main.producers.get(value)
    alone = value not in main.outputs and all(u.scope is main and not u.index and id(u.node) in readers for u in main.uses[value])
    if alone and maker is not None and _fold(edit, maker, factors):
        return value
    out = edit.name(f"{value}.b")
    by = edit.tensor(f"{value}.by", (1 / factors).astype(np.float32))
    edit.where_known(main, value, helper.make_node("Mul", [value, by], [out]))
    edit.same_place[out] = value
    return out


def _fold(edit: Edit, maker: NodeProto, factors: np.ndarray) -> bool:
    """Divide the scale and bias of a normalization over the last axis, if they are constants. Returns: whether that was done."""
    main = edit.scopes.main
    if maker.op_type != NORMALIZATION or maker.domain not in ("", "ai.onnx") or number(maker, "axis", -1) != -1:
        return False
    places = [i for i in (1, 2) if i < len(maker.input) and maker.input[i]]
    tensors = [constants.leaf(main, maker.input[i]) for i in places]
    if any(t is None or list(t.dims) != [factors.size] or maker.input[i] in main.inputs for i, t in zip(places, tensors, strict=True)):
        return False
    for place, tensor in zip(places, tensors, strict=True):
        assert tensor is not None
        name = maker.input[place]
        maker.input[place] = edit.tensor(f"{name}.b", (edit.model.array(tensor) / factors).astype(np.float32))
        edit.release(main, name)
    return True
