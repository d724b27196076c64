"""float16 inside: operators that have it everywhere take and give halves, others keep float32, with Casts between them.

Inputs, outputs and what graphs within read stay as they are. An operator stays in float32 where one of its constants has no half, or
where what it reads or gives was seen beyond half of float16's range.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

import numpy as np
from onnx import NodeProto, TensorProto, helper

from lightweight_cli.compute.edit import Edit
from lightweight_cli.compute.value_types import types_of
from lightweight_cli.model.scopes import subgraphs_of
from lightweight_cli.weights import constants

if TYPE_CHECKING:
    from onnx import TensorProto as Tensor

EVERY, FIRST = -1, 0
HALVED = {
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Sub", "Mul", "Div", "Max", "Min", "Concat", "PRelu"), EVERY),
    **dict.fromkeys(("LayerNormalization",), EVERY),
    **dict.fromkeys(("Relu", "LeakyRelu", "Sigmoid", "Tanh", "Erf", "Softmax", "HardSwish", "HardSigmoid", "Elu", "Gelu", "Sqrt", "Abs",
                     "Neg", "Identity", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "Reshape", "Transpose", "Flatten",
                     "Squeeze", "Unsqueeze", "Slice", "Split", "Gather", "Expand", "Tile", "DepthToSpace", "SpaceToDepth"), FIRST),
}
"""Operators that compute in halves, and which inputs those are. Sums, powers, exponentials, BatchNormalization, Resize, Clip and recurrent
layers stay in float32: they overflow, or runtimes lack or differ in them."""


def halved(edit: Edit, fits: Callable[[Tensor], bool], outside: Collection[str]) -> tuple[int, int]:
    """Let operators of the main graph compute in halves; `fits`: whether a constant has a half; `outside`: values beyond the range.

    Returns: the operators that do, and those in float32 that stay.
    """
    main, types = edit.scopes.main, types_of(edit.scopes.main)
    nodes = [n for n in main.graph.node if n.op_type != "Constant"]
    ours = [n for n in nodes if _computes(edit, n, types, fits, outside)]
    made = {o for n in ours for o in n.output if o}
    inner = {id(n) for n in ours}
    floats = sum(any(types.get(i) == TensorProto.FLOAT for i in n.input) for n in nodes)
    for node in ours:
        for i in _places(node):
            name = node.input[i]
            if name in made:
                continue
            node.input[i] = _half(edit, name)
    for value in sorted(made):
        readers = [u for u in main.uses.get(value, []) if u.scope is not main or id(u.node) not in inner or u.index not in _places(u.node)]
        if not readers and value not in main.outputs:
            continue
        half = edit.name(f"{value}.h")
        maker = main.producers[value]
        maker.output[list(maker.output).index(value)] = half
        for use in main.uses.get(value, []):
            if use.scope is main and id(use.node) in inner and use.index in _places(use.node):
                use.node.input[use.index] = half
        edit.where_known(main, value, helper.make_node("Cast", [half], [value], to=TensorProto.FLOAT))
    for i in reversed(range(len(main.graph.value_info))):
        if main.graph.value_info[i].name in made:
            del main.graph.value_info[i]
    return len(ours), floats - len(ours)


def _places(node: NodeProto) -> list[int]:
    """Return the inputs of a node that are halves."""
    which = range(len(node.input)) if HALVED[node.op_type] == EVERY else range(1)
    return [i for i in which if node.input[i]]


def _computes(edit: Edit, node: NodeProto, types: dict[str, int], fits: Callable[[Tensor], bool], outside: Collection[str]) -> bool:
    """Whether a node computes in halves."""
    if node.domain not in ("", "ai.onnx") or node.op_type not in HALVED or next(iter(subgraphs_of(node)), None) is not None:
        return False
    main = edit.scopes.main
    if not node.output or any(main.outer(o) for o in node.output) or constants.is_constant(main, node.output[0]):
        return False
    for i in _places(node):
        name = node.input[i]
        if types.get(name) != TensorProto.FLOAT or name in outside or main.resolve(name) is not main:
            return False
        tensor = constants.leaf(main, name)
        if tensor is not None and not fits(tensor):
            return False
        if tensor is None and constants.is_constant(main, name):
            return False
    return not any(o in outside for o in node.output)


def _half(edit: Edit, name: str) -> str:
    """Return the name of a value's halves: a constant of its own, or a Cast."""
    key = "half", name
    if key not in edit.made:
        main = edit.scopes.main
        tensor = constants.leaf(main, name) if name not in main.inputs else None
        if tensor is not None:
            edit.made[key] = edit.tensor(f"{name}.h", np.asarray(edit.model.array(tensor), np.float32).astype(np.float16))
            edit.release(main, name)
        else:
            edit.made[key] = edit.name(f"{name}.h")
            edit.where_known(main, name, helper.make_node("Cast", [name], [edit.made[key]], to=TensorProto.FLOAT16))
    return str(edit.made[key])
