"""Which float constants of a model are weights, how they are used, and why some must stay as they are.

A weight is a float constant that an operator of ROLES reads as parameter, directly or behind operators that only move
values (MOVES), in an initializer, a Constant node, a subgraph, a function or an outer scope.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from onnx import TensorProto

from lightweight_cli.model import tensors
from lightweight_cli.model.scopes import Scope, Scopes, Use
from lightweight_cli.weights import constant_values, constants
from lightweight_cli.weights.naming import is_inner
from lightweight_cli.weights.not_constant import NotConstant
from lightweight_cli.weights.roles import MOVES, ROLES, Axes, Shape
from lightweight_cli.weights.tables import table_rule
from lightweight_cli.weights.weight import Role, Weight

if TYPE_CHECKING:
    from onnx import NodeProto

    from lightweight_cli.model.model import Model

LONGEST = 32
LEAST = 1024
"""Bytes from which a float constant without a role counts."""

OVERRIDABLE = "the caller may override it: strip --freeze-inputs fixes it"
"""Why an initializer that is a graph input too stays as it is."""

AMBIGUOUS = "shares its name with a value of a graph within or around: runtimes differ in which they take"
"""onnxruntime takes the outer of two initializers, or either by its optimisation level, where a graph within reads the outer one."""

Found = dict[tuple[int, str], Weight]


def find_weights(model: Model, scopes: Scopes, every: bool = False, least: int = LEAST) -> list[Weight]:
    """Return the model's weights, in the order of their scopes and first uses.

    With `every`, after them the other float constants of `least` bytes or more: biases, tables, offsets.
    """
    found: Found = {}
    for scope in scopes.all:
        for node in scope.graph.node:
            for index, name in enumerate(node.input):
                rule = ROLES.get((node.op_type, index)) or table_rule(scope, node, index)
                if rule is not None and name and node.domain in ("", "ai.onnx", "com.microsoft"):
                    if not node.output or constants.is_constant(scope, node.output[0]):  # or part of a decoding chain
                        continue
                    _note(model, found, Use(scope, node, index), scope, name, partial(rule, node))
                elif (node.domain, node.op_type) in scopes.functions and name:
                    _through_call(model, scopes, found, scope, name, Use(scope, node, index), 0)
    if every:
        _note_others(model, scopes, found, least)
    hidden = scopes.hidden()
    for weight in found.values():
        if weight.scope.outer(weight.name) is not None or (id(weight.scope), weight.name) in hidden:
            weight.locked = weight.locked or AMBIGUOUS
    return list(found.values())


def _note_others(model: Model, scopes: Scopes, found: dict[tuple[int, str], Weight], least: int) -> None:
    """Add the float constants that have no role: stored ones, and what an encoding decodes."""
    taken = {(id(home), name) for w in found.values() for home, name in constants.chain(w.scope, w.name)}
    for scope in scopes.all:
        for node in scope.graph.node:
            if node.domain not in ("", "ai.onnx") or node.op_type in ("QuantizeLinear", "DequantizeLinear"):
                continue  # they may want their parameters stored as they are
            decodes = node.op_type not in MOVES or any(is_inner(i) for i in node.input)
            if decodes and node.output and constants.is_constant(scope, node.output[0]):
                continue  # part of a decoding chain
            for index, (home, root, _) in ((i, r) for i, name in enumerate(node.input) if name for r in _roots(scope, name)):
                if (id(home), root) in taken or (root in home.inputs and root not in home.initializers):
                    continue
                known = constants.leaf(home, root) is not None or is_decoded(home, root)
                weight = _weight(model, home, root) if known else None
                if weight is not None and weight.size * tensors.BITS[weight.dtype] >= least * 8:
                    weight.roles.append(Role(scope, node, index, ()))
                    found[id(home), root] = weight
                    taken |= {(id(h), n) for h, n in constants.chain(home, root)}


def is_decoded(home: Scope, name: str) -> bool:
    """Whether nodes of an encoding make `name`: lwc's own, or a DequantizeLinear of constants."""
    node = home.producers.get(name)
    return node is not None and constants.is_constant(home, name) and (
        node.op_type == "DequantizeLinear" or any(is_inner(i) for i in node.input))


def _through_call(model: Model, scopes: Scopes, found: Found, scope: Scope, name: str, use: Use, depth: int) -> None:
    """Follow a value handed to a function to the operators that read it there."""
    body = scopes.functions[use.node.domain, use.node.op_type]
    if use.index >= len(body.graph.input) or depth > 8:
        return
    for inner in body.uses.get(body.graph.input[use.index], ()):
        rule = ROLES.get((inner.node.op_type, inner.index))
        if rule is not None:
            _note(model, found, inner, scope, name, partial(rule, inner.node))
        elif (inner.node.domain, inner.node.op_type) in scopes.functions:
            _through_call(model, scopes, found, scope, name, inner, depth + 1)


def _note(model: Model, found: Found, use: Use, scope: Scope, name: str, rule: Callable[[Shape], Axes | None]) -> None:
    """Record that `use` reads the value that `scope` calls `name`, if that is made of float constants."""
    for home, root, path in _roots(scope, name):
        if root in home.inputs and root not in home.initializers:
            continue
        key = id(home), root
        weight = found.get(key) or _weight(model, home, root)
        if weight is None:
            continue
        axes = rule(weight.shape)
        if axes is None:
            continue
        found[key] = weight
        rank = len(weight.shape)
        for node in path:  # from the axes that the operator sees to the tensor's own
            if node.op_type == "Transpose":
                perm = constants.attributes(node).get("perm") or list(range(rank))[::-1]
                axes = tuple(sorted(perm[a] for a in axes if a < len(perm)))
            elif node.op_type != "Identity":
                axes = (0,) if rank > 1 else ()
        weight.roles.append(Role(*use, tuple(a for a in axes if a < rank), path))


Root = tuple[Scope, str, "list[NodeProto]"]


def _roots(scope: Scope, name: str) -> list[Root]:
    """Follow `name` back through operators that only move values to the constants they come from.

    Such a constant is a stored tensor or what an encoding decodes. Where one is neither, `name` itself is the weight.
    """
    start = scope.resolve(name)
    if start is None:
        return []
    found: list[Root] = []
    todo: list[Root] = [(start, name, [])]
    seen: set[tuple[int, str]] = set()
    while todo:
        home, at, path = todo.pop(0)
        if (id(home), at) in seen:
            continue
        seen.add((id(home), at))
        if constants.leaf(home, at) is not None:
            found.append((home, at, path))
            continue
        node = home.producers.get(at)
        moves = node is not None and node.op_type in MOVES and node.domain in ("", "ai.onnx")
        if node is None or len(path) > LONGEST or not (moves or constants.is_constant(home, at)):
            return [(start, name, [])]
        if not moves or any(is_inner(i) for i in node.input):
            found.append((home, at, path))
            continue
        for source in node.input if node.op_type == "Concat" else node.input[:1]:
            origin = home.resolve(source)
            if origin is None:
                return [(start, name, [])]
            todo.append((origin, source, [*path, node]))
    return found


def _weight(model: Model, home: Scope, name: str) -> Weight | None:
    tensor = constants.leaf(home, name)
    if tensor is not None:
        if tensor.data_type not in tensors.FLOATS:
            return None
        weight = Weight(model, home, name, tuple(tensor.dims), tensor.data_type, tensor)
    elif constants.is_constant(home, name):
        try:
            shape, dtype = constant_values.shape_of(model, home, name)
        except NotConstant:
            return None
        kind = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16, "float64": TensorProto.DOUBLE,
                "bfloat16": TensorProto.BFLOAT16}.get(str(dtype))
        if kind is None:
            return None
        weight = Weight(model, home, name, shape, kind, None)
    else:
        return None
    if name in home.outputs:
        weight.locked = "is an output of the graph"
    elif name in home.inputs:
        weight.locked = OVERRIDABLE
    return weight
