"""Narrower floats inside: operators that have them everywhere take and give them, others stay, with Casts between them.

float16 in the place of float32, and float32 in that of float64. Inputs, outputs and what graphs within read stay as they are. An operator
stays where one of its constants does not fit the narrower type, or where what it reads or gives was seen beyond its range.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, NamedTuple

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
SINGLE = {
    **HALVED,
    **dict.fromkeys(("Sum", "Mean", "Pow", "BatchNormalization", "InstanceNormalization", "Clip", "Einsum"), EVERY),
    **dict.fromkeys(("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL2", "Exp", "Log", "LogSoftmax", "Softplus",
                     "Softsign", "Selu", "Reciprocal", "Floor", "Ceil", "Sin", "Cos", "CumSum"), FIRST),
}
"""Operators that compute in float32 instead of float64: its range is wide enough for those too."""


class Narrowing(NamedTuple):
    """From which type of floats to which, in which operators, and what is put behind names."""

    wide: int
    narrow: int
    operators: Mapping[str, int]
    suffix: str

    @property
    def dtype(self) -> np.dtype:
        """The narrower type."""
        return helper.tensor_dtype_to_np_dtype(self.narrow)


HALVES = Narrowing(TensorProto.FLOAT, TensorProto.FLOAT16, HALVED, "h")
SINGLES = Narrowing(TensorProto.DOUBLE, TensorProto.FLOAT, SINGLE, "f")


def narrowed(edit: Edit, to: Narrowing, fits: Callable[[Tensor], bool], outside: Collection[str]) -> tuple[int, int]:
    """Let operators of the main graph compute in narrower floats.

    `fits`: whether a constant has the type; `outside`: values beyond its range.
    Returns: the operators that do, and those in the wider type that stay.
    """
    main, types = edit.scopes.main, types_of(edit.scopes.main)
    nodes = [n for n in main.graph.node if n.op_type != "Constant"]
    ours = [n for n in nodes if _computes(edit, to, n, types, fits, outside)]
    made = {o for n in ours for o in n.output if o}
    inner = {id(n) for n in ours}
    wide = sum(any(types.get(i) == to.wide for i in n.input) for n in nodes)
    for node in ours:
        for i in _places(node, to):
            name = node.input[i]
            if name in made:
                continue
            node.input[i] = _narrow(edit, to, name)
    for value in sorted(made):
        readers = [u for u in main.uses.get(value, [])
                   if u.scope is not main or id(u.node) not in inner or u.index not in _places(u.node, to)]
        if not readers and value not in main.outputs:
            continue
        narrow = edit.name(f"{value}.{to.suffix}")
        maker = main.producers[value]
        maker.output[list(maker.output).index(value)] = narrow
        for use in main.uses.get(value, []):
            if use.scope is main and id(use.node) in inner and use.index in _places(use.node, to):
                use.node.input[use.index] = narrow
        edit.where_known(main, value, helper.make_node("Cast", [narrow], [value], to=to.wide))
    for i in reversed(range(len(main.graph.value_info))):
        if main.graph.value_info[i].name in made:
            del main.graph.value_info[i]
    return len(ours), wide - len(ours)


def _places(node: NodeProto, to: Narrowing) -> list[int]:
    """Return the inputs of a node that become narrower."""
    which = range(len(node.input)) if to.operators[node.op_type] == EVERY else range(1)
    return [i for i in which if node.input[i]]


def _computes(edit: Edit, to: Narrowing, node: NodeProto, types: dict[str, int], fits: Callable[[Tensor], bool],
              outside: Collection[str]) -> bool:
    """Whether a node computes in the narrower type."""
    if node.domain not in ("", "ai.onnx") or node.op_type not in to.operators or next(iter(subgraphs_of(node)), None) is not None:
        return False
    main = edit.scopes.main
    if not node.output or any(main.outer(o) for o in node.output) or constants.is_constant(main, node.output[0]):
        return False
    for i in _places(node, to):
        name = node.input[i]
        if types.get(name) != to.wide or name in outside or main.resolve(name) is not main:
            return False
        tensor = constants.leaf(main, name)
        if tensor is not None and not fits(tensor):
            return False
        if tensor is None and constants.is_constant(main, name):
            return False
    return not any(o in outside for o in node.output)


def _narrow(edit: Edit, to: Narrowing, name: str) -> str:
    """Return the name of a value in the narrower type: a constant of its own, or a Cast."""
    key = to.suffix, name
    if key not in edit.made:
        main = edit.scopes.main
        tensor = constants.leaf(main, name) if name not in main.inputs else None
        if tensor is not None:
            edit.made[key] = edit.tensor(f"{name}.{to.suffix}", np.asarray(edit.model.array(tensor)).astype(to.dtype))
            edit.release(main, name)
        else:
            edit.made[key] = edit.name(f"{name}.{to.suffix}")
            edit.where_known(main, name, helper.make_node("Cast", [name], [edit.made[key]], to=to.narrow))
    return str(edit.made[key])
