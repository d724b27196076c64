"""Values that are known without running the model: tensors, and what plain nodes make of them.

This is how a weight is read back, whatever stores it: an initializer, a Constant node, one of lwc's storage
encodings, or another tool's DequantizeLinear on constants. The operators below are those
that such decoding chains use; each computes in numpy bit for bit what onnxruntime computes.

Source: the operator definitions of ai.onnx.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import helper

from lightweight_cli import tensors

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

    from lightweight_cli.model_io import Model
    from lightweight_cli.scopes import Scope

SHARED = "lwc."
"""How the names of tables begin that all encoded weights of a model share."""
LIMIT = 1 << 31
"""Bytes a computed constant may have: a declared size is no reason to fill the memory."""


class NotConstant(Exception):
    """A name whose value depends on the model's inputs, or on an operator not computed here; says which."""


def attributes(node: NodeProto) -> dict[str, Any]:
    """Return the node's attributes as Python values."""
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def leaf(scope: Scope, name: str) -> TensorProto | None:
    """Return the tensor that `name` is, stored as an initializer or in a Constant node of `scope`."""
    if name in scope.producers:
        node = scope.producers[name]
        if node.op_type == "Constant" and node.domain in ("", "ai.onnx"):
            return next((a.t for a in node.attribute if a.name == "value"), None)
        return None
    return scope.initializers.get(name)


def is_constant(scope: Scope, name: str, depth: int = 32) -> bool:
    """Whether `name` is a tensor or computed only from tensors by the operators below."""
    home = scope.resolve(name)
    if home is None or depth == 0 or name in home.inputs:
        return False
    if leaf(home, name) is not None:
        return True
    node = home.producers.get(name)
    return (node is not None and node.domain in ("", "ai.onnx") and node.op_type in OPERATORS and len(node.output) == 1
            and all(is_constant(home, i, depth - 1) for i in node.input if i))


def chain(scope: Scope, name: str) -> list[tuple[Scope, str]]:
    """Return the constant `name` and everything it is computed from, each once, users before what they use."""
    order: list[tuple[Scope, str]] = []

    def visit(at: Scope, current: str) -> None:
        home = at.resolve(current)
        if home is None or (home, current) in order:
            return
        node = home.producers.get(current)
        for i in node.input if node is not None else ():
            if i:
                visit(home, i)
        order.append((home, current))

    visit(scope, name)
    return order[::-1]


def own(scope: Scope, name: str) -> list[tuple[Scope, str]]:
    """Return the part of the chain of `name` that nothing else uses: what goes when `name` is replaced.

    Tables that lwc shares between weights (SHARED) are never part of it.
    """
    mine: list[tuple[Scope, str]] = []
    gone: list[NodeProto] = []
    for at, current in chain(scope, name):
        if current.startswith(SHARED):
            continue
        used = at.uses.get(current, [])
        if not mine or (current not in at.outputs and current not in at.inputs and all(any(u.node is g for g in gone) for u in used)):
            mine.append((at, current))
            if current in at.producers:
                gone.append(at.producers[current])
    return mine


def evaluate(model: Model, scope: Scope, name: str) -> np.ndarray:
    """Return the value of the constant `name`. Raises: NotConstant."""
    done: dict[tuple[int, str], np.ndarray] = {}

    def value(at: Scope, wanted: str) -> np.ndarray | None:
        if not wanted:
            return None
        home = at.resolve(wanted)
        if home is None or wanted in home.inputs:
            raise NotConstant("an input of the model")
        key = id(home), wanted
        if key not in done:
            tensor = leaf(home, wanted)
            if tensor is not None:
                done[key] = model.array(tensor)
            else:
                node = home.producers.get(wanted)
                if node is None or node.domain not in ("", "ai.onnx") or node.op_type not in OPERATORS or len(node.output) != 1:
                    raise NotConstant(f"computed by {node.op_type if node is not None else 'a sparse tensor'}")
                done[key] = OPERATORS[node.op_type](attributes(node), *[value(home, i) for i in node.input])
        return done[key]

    result = value(scope, name)
    assert result is not None
    return result


def _cast(a: dict[str, Any], x: np.ndarray) -> np.ndarray:
    return x.astype(helper.tensor_dtype_to_np_dtype(a["to"]))


def _reshape(a: dict[str, Any], x: np.ndarray, shape: np.ndarray) -> np.ndarray:
    dims = [x.shape[i] if d == 0 and not a.get("allowzero") else int(d) for i, d in enumerate(shape)]
    return x.reshape(dims)


def _slice(a: dict[str, Any], x: np.ndarray, *given: np.ndarray | None) -> np.ndarray:
    if "starts" in a:
        starts, ends, axes, steps = a["starts"], a["ends"], a.get("axes"), None
    else:
        starts, ends, axes, steps = [*[None if g is None else g.tolist() for g in given], None, None][:4]
    cut = [slice(None)] * x.ndim
    for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
        cut[axes[i] if axes else i] = slice(start, end, steps[i] if steps else 1)
    return x[tuple(cut)]


def _gather(a: dict[str, Any], x: np.ndarray, i: np.ndarray) -> np.ndarray:
    return np.take(x, i, axis=a.get("axis", 0))


def _cumsum(a: dict[str, Any], x: np.ndarray, axis: np.ndarray) -> np.ndarray:
    if a.get("exclusive") or a.get("reverse"):
        raise NotConstant("computed by CumSum, exclusive or reverse")
    return np.cumsum(x, axis=int(axis), dtype=x.dtype)


def _scatter(a: dict[str, Any], x: np.ndarray, i: np.ndarray, v: np.ndarray) -> np.ndarray:
    if x.ndim != 1 or a.get("reduction", b"none") != b"none":
        raise NotConstant("computed by ScatterElements over several axes")
    out = x.copy()
    out[i] = v
    return out


def _constant_of_shape(a: dict[str, Any], shape: np.ndarray) -> np.ndarray:
    from onnx import numpy_helper

    fill = numpy_helper.to_array(a["value"]) if "value" in a else np.zeros(1, np.float32)
    if float(np.prod(shape, dtype=float)) * fill.itemsize > LIMIT:
        raise NotConstant("computed by ConstantOfShape, too large")
    return np.full(tuple(shape), fill[0])


def _transpose(a: dict[str, Any], x: np.ndarray) -> np.ndarray:
    return np.transpose(x, a.get("perm"))


def _squeeze(a: dict[str, Any], x: np.ndarray, axes: np.ndarray | None = None) -> np.ndarray:
    which = a.get("axes", axes)
    return np.squeeze(x, tuple(int(i) for i in which) if which is not None else None)


def _unsqueeze(a: dict[str, Any], x: np.ndarray, axes: np.ndarray | None = None) -> np.ndarray:
    return np.expand_dims(x, tuple(int(i) for i in a.get("axes", axes)))


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


OPERATORS: dict[str, Callable[..., np.ndarray]] = {
    "Cast": _cast, "Reshape": _reshape, "Slice": _slice, "Gather": _gather, "CumSum": _cumsum, "ScatterElements": _scatter,
    "ConstantOfShape": _constant_of_shape, "Transpose": _transpose, "Squeeze": _squeeze, "Unsqueeze": _unsqueeze,
    "DequantizeLinear": _dequantize, "Identity": lambda a, x: x,
    "Mul": lambda a, x, y: x * y, "Add": lambda a, x, y: x + y, "Sub": lambda a, x, y: x - y,
    "Concat": lambda a, *xs: np.concatenate(xs, axis=a["axis"]), "Where": lambda a, c, x, y: np.where(c, x, y),
}
