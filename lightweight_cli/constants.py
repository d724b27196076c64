"""Values that are known without running the model: tensors, and what plain nodes make of them.

This is how a weight is read back, whatever stores it: an initializer, a Constant node, one of lwc's storage
encodings, or another tool's DequantizeLinear on constants. The operators below are those
that such decoding chains use; each computes in numpy bit for bit what onnxruntime computes.

Source: the operator definitions of ai.onnx.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, defs, helper, numpy_helper

from lightweight_cli import constant_shapes, tensors
from lightweight_cli.errors import InputError, printable

if TYPE_CHECKING:
    from onnx import NodeProto

    from lightweight_cli.model_io import Model
    from lightweight_cli.scopes import Scope

SHARED = "lwc."
"""How the names of tables begin that all encoded weights of a model share."""
DEEPEST = 96
"""Steps from a tensor to a weight: a Huffman tree takes two for each level, of which 2^24 codes have at most 34."""
LIMIT = 1 << 31
"""Bytes a computed constant may have: a declared size is no reason to fill the memory."""


class NotConstant(InputError):
    """A name whose value depends on the model's inputs, or on an operator not computed here; says which."""


@cache
def attribute_types(op_type: str) -> dict[str, int]:
    """Return the types that an operator of ai.onnx gives its attributes, in its newest version that has them."""
    found: dict[str, int] = {}
    version = defs.onnx_opset_version()
    while version and defs.has(op_type, version):
        schema = defs.get_schema(op_type, version)
        mine = {name: int(a.type.value) for name, a in schema.attributes.items()}  # type: ignore[attr-defined]  # an enum
        found = {**mine, **found}
        version = schema.since_version - 1
    return found


def attributes(node: NodeProto) -> dict[str, Any]:
    """Return the attributes that the operator defines as Python values, without those that a function's caller sets.

    Raises: NotConstant for one of another type than the operator's.
    """
    types = attribute_types(node.op_type)
    given = [a for a in node.attribute if not a.ref_attr_name and a.name in types]
    for a in given:
        if a.type != types[a.name]:
            raise NotConstant(f"{node.op_type} has an attribute {a.name} of a wrong type")
    return {a.name: helper.get_attribute_value(a) for a in given}


def leaf(scope: Scope, name: str) -> TensorProto | None:
    """Return the tensor that `name` is, stored as an initializer or in a Constant node of `scope`."""
    if name in scope.producers:
        node = scope.producers[name]
        return constant(node) if node.op_type == "Constant" and node.domain in ("", "ai.onnx") else None
    return scope.initializers.get(name)


def constant(node: NodeProto) -> TensorProto | None:
    """Return the tensor of a Constant node, also of one that lists numbers; None where it is of another kind."""
    attribute = node.attribute[0] if len(node.attribute) == 1 and not node.attribute[0].ref_attr_name else None
    if attribute is None or attribute.type != attribute_types("Constant").get(attribute.name):
        return None
    if attribute.name == "value":
        return attribute.t
    value = helper.get_attribute_value(attribute)
    kind = {"value_int": TensorProto.INT64, "value_ints": TensorProto.INT64,
            "value_float": TensorProto.FLOAT, "value_floats": TensorProto.FLOAT}.get(attribute.name)
    if kind is None:
        return None
    whole = attribute.name.endswith("s")
    return helper.make_tensor(node.output[0], kind, [len(value)] if whole else [], value if whole else [value])


def is_constant(scope: Scope, name: str, depth: int = DEEPEST) -> bool:
    """Whether `name` is a tensor or computed only from tensors by the operators below, in so many steps."""
    heights: dict[tuple[int, str], int] = {}

    def height(at: Scope, current: str, left: int) -> int:
        """Return the most steps from a tensor to `current`, or more than `left`."""
        home = at.resolve(current)
        if home is None or current in home.inputs:
            return left + 1
        if leaf(home, current) is not None:
            return 0
        if left == 0:
            return 1
        if (id(home), current) not in heights:
            node = home.producers.get(current)
            if node is None or not computable(node):
                return left + 1
            most = 0
            for i in node.input:
                most = max(most, height(home, i, left - 1) if i else 0)
                if most >= left:
                    return left + 1
            heights[id(home), current] = most + 1
        return heights[id(home), current]

    return height(scope, name, depth) <= depth


def computable(node: NodeProto) -> bool:
    """Whether a node's operator is one of those below, and no attribute is set by a function's caller."""
    return (node.domain in ("", "ai.onnx") and node.op_type in OPERATORS and len(node.output) == 1
            and not any(a.ref_attr_name for a in node.attribute))


def chain(scope: Scope, name: str) -> list[tuple[Scope, str]]:
    """Return the constant `name` and everything it is computed from, each once, users before what they use."""
    order: dict[tuple[int, str], Scope] = {}

    def visit(at: Scope, current: str) -> None:
        home = at.resolve(current)
        if home is None or (id(home), current) in order:
            return
        node = home.producers.get(current)
        for i in node.input if node is not None else ():
            if i:
                visit(home, i)
        order[id(home), current] = home

    visit(scope, name)
    return [(home, current) for (_, current), home in reversed(order.items())]


def own(scope: Scope, name: str) -> list[tuple[Scope, str]]:
    """Return the part of the chain of `name` that nothing else uses: what goes when `name` is replaced.

    Tables that lwc shares between weights (SHARED) are never part of it.
    """
    mine: list[tuple[Scope, str]] = []
    gone: list[NodeProto] = []
    for at, current in chain(scope, name):
        if mine and current.startswith(SHARED):
            continue
        used = at.uses.get(current, [])
        if not mine or (current not in at.outputs and current not in at.inputs and all(any(u.node is g for g in gone) for u in used)):
            mine.append((at, current))
            if current in at.producers:
                gone.append(at.producers[current])
    return mine


class Chain:
    """The constants that one is computed from; what is computed is kept until its last use."""

    def __init__(self, model: Model, scope: Scope, name: str) -> None:
        self.model, self.scope, self.name = model, scope, name
        self.values: dict[tuple[int, str], np.ndarray] = {}
        self.shapes: dict[tuple[int, str], constant_shapes.Known] = {}
        self.left: dict[tuple[int, str], int] = {}
        for home, current in chain(scope, name):
            for i in home.producers[current].input if current in home.producers else ():
                origin = home.resolve(i) if i else None
                if origin is not None:
                    self.left[id(origin), i] = self.left.get((id(origin), i), 0) + 1

    def home(self, at: Scope, name: str) -> Scope:
        """Return the scope that defines `name`. Raises: NotConstant."""
        home = at.resolve(name)
        if home is None or name in home.inputs:
            raise NotConstant("an input of the model")
        return home

    def node(self, home: Scope, name: str) -> NodeProto:
        """Return the node that computes `name`. Raises: NotConstant."""
        node = home.producers.get(name)
        if node is None or not computable(node):
            raise NotConstant(f"computed by {printable(node.op_type) if node is not None else 'a sparse tensor'}")
        return node

    def known(self, at: Scope, name: str) -> constant_shapes.Known | None:
        """Return shape and type of `name`, None for no name. Raises: NotConstant."""
        if not name:
            return None
        home = self.home(at, name)
        key = id(home), name
        if key not in self.shapes:
            tensor = leaf(home, name)
            if tensor is not None:
                shape, dtype = tuple(tensor.dims), tensors.dtype_of(tensor)
            else:
                node = self.node(home, name)
                inputs = [self.known(home, i) for i in node.input]
                shape, dtype = guarded(node, lambda: constant_shapes.AFTER[node.op_type](attributes(node), *inputs))
            if math.prod(shape) * dtype.itemsize > LIMIT:
                raise NotConstant(f"computed by {home.producers[name].op_type}, too large" if tensor is None else "too large")
            self.shapes[key] = constant_shapes.Known(shape, dtype, lambda: evaluate(self.model, home, name))
        return self.shapes[key]

    def value(self, at: Scope, name: str) -> np.ndarray | None:
        """Return the value of `name`, None for no name. Raises: NotConstant."""
        if not name:
            return None
        home = self.home(at, name)
        key = id(home), name
        if key not in self.values:
            tensor = leaf(home, name)
            if tensor is not None:
                self.values[key] = self.model.array(tensor)
            else:
                self.known(home, name)
                node = self.node(home, name)
                inputs = [self.value(home, i) for i in node.input]
                self.values[key] = guarded(node, lambda: OPERATORS[node.op_type](attributes(node), *inputs))
        found = self.values[key]
        self.left[key] = self.left.get(key, 1) - 1
        if not self.left[key]:
            del self.values[key]
        return found


def guarded(node: NodeProto, compute: Callable[[], Any]) -> Any:
    """Return what `compute` does; what numpy refuses is no constant. Raises: NotConstant."""
    try:
        return compute()
    except constant_shapes.NotComputed as e:
        raise NotConstant(f"computed by {node.op_type}, {e}") from e
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as e:
        raise NotConstant(f"computed by {node.op_type} of inputs that do not fit: {printable(e)}") from e


def evaluate(model: Model, scope: Scope, name: str) -> np.ndarray:
    """Return the value of the constant `name`. Raises: NotConstant."""
    result = Chain(model, scope, name).value(scope, name)
    if result is None:
        raise NotConstant("no name")
    return result


def shape_of(model: Model, scope: Scope, name: str) -> tuple[tuple[int, ...], np.dtype]:
    """Return shape and type of the constant `name`, computing no more than shapes. Raises: NotConstant."""
    known = Chain(model, scope, name).known(scope, name)
    if known is None:
        raise NotConstant("no name")
    return known.shape, known.dtype


def _cast(a: dict[str, Any], x: np.ndarray) -> np.ndarray:
    return x.astype(helper.tensor_dtype_to_np_dtype(a["to"]))


def _reshape(a: dict[str, Any], x: np.ndarray, shape: np.ndarray) -> np.ndarray:
    dims = [x.shape[i] if d == 0 and not a.get("allowzero") else int(d) for i, d in enumerate(shape)]
    return x.reshape(dims)


def _slice(a: dict[str, Any], x: np.ndarray, *given: np.ndarray | None) -> np.ndarray:
    return x[constant_shapes.slices(a, x.ndim, [None if g is None else g.reshape(-1).tolist() for g in given])]


def _gather(a: dict[str, Any], x: np.ndarray, i: np.ndarray) -> np.ndarray:
    return np.take(x, i, axis=a.get("axis", 0))


def _cumsum(a: dict[str, Any], x: np.ndarray, axis: np.ndarray) -> np.ndarray:
    return np.cumsum(x, axis=int(axis.reshape(())), dtype=x.dtype)


def _scatter(a: dict[str, Any], x: np.ndarray, i: np.ndarray, v: np.ndarray) -> np.ndarray:
    out = x.copy()
    out[i] = v
    return out


def _constant_of_shape(a: dict[str, Any], shape: np.ndarray) -> np.ndarray:
    fill = numpy_helper.to_array(a["value"]) if "value" in a else np.zeros(1, np.float32)
    return np.full(tuple(shape), fill[0])


def _transpose(a: dict[str, Any], x: np.ndarray) -> np.ndarray:
    return np.transpose(x, a.get("perm"))


def _squeeze(a: dict[str, Any], x: np.ndarray, axes: np.ndarray | None = None) -> np.ndarray:
    which = a.get("axes", axes)
    return np.squeeze(x, tuple(int(i) for i in which) if which is not None else None)


def _unsqueeze(a: dict[str, Any], x: np.ndarray, axes: np.ndarray | None = None) -> np.ndarray:
    return np.expand_dims(x, tuple(int(i) for i in (a["axes"] if axes is None else axes)))


def _dequantize(a: dict[str, Any], q: np.ndarray, scale: np.ndarray, zero: np.ndarray | None = None) -> np.ndarray:
    axis, block = a.get("axis", 1), a.get("block_size", 0)
    wide = q.astype(np.int32)

    def spread(p: np.ndarray) -> np.ndarray:
        if block:
            return np.repeat(p, block, axis=axis)[tuple(slice(0, d) for d in q.shape)]
        return p.reshape([-1 if i == axis % q.ndim else 1 for i in range(q.ndim)]) if p.size > 1 else p.reshape(())

    if zero is not None:
        wide = wide - spread(zero.astype(np.int32))
    return wide.astype(scale.dtype) * spread(scale)


def _where(a: dict[str, Any], condition: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.where(condition, x, y)


OPERATORS: dict[str, Callable[..., np.ndarray]] = {
    "Cast": _cast, "Reshape": _reshape, "Slice": _slice, "Gather": _gather, "CumSum": _cumsum, "ScatterElements": _scatter,
    "ConstantOfShape": _constant_of_shape, "Transpose": _transpose, "Squeeze": _squeeze, "Unsqueeze": _unsqueeze,
    "DequantizeLinear": _dequantize, "Identity": lambda a, x: x,
    "Mul": lambda a, x, y: x * y, "Add": lambda a, x, y: x + y, "Sub": lambda a, x, y: x - y,
    "Concat": lambda a, *xs: np.concatenate(xs, axis=a["axis"]), "Where": _where,
}
