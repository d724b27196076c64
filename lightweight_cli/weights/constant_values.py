"""The values of constants: read where they are stored, computed where nodes make them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from lightweight_cli.errors import printable
from lightweight_cli.model import tensors
from lightweight_cli.weights import constant_shapes
from lightweight_cli.weights.constant_operators import OPERATORS
from lightweight_cli.weights.constants import attributes, chain, computable, is_bundle, leaf
from lightweight_cli.weights.not_constant import NotConstant

if TYPE_CHECKING:
    from onnx import NodeProto

    from lightweight_cli.model.model import Model
    from lightweight_cli.model.scopes import Scope

LIMIT = 1 << 31
"""Bytes a computed constant may have: a declared size is no reason to fill the memory."""

KEPT = 2
"""Bundles of a graph that stay decoded: their weights are read one after the other."""


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
                shape, dtype = guarded(node, lambda: constant_shapes.AFTER[node.op_type](given(node, name), *inputs))
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
                inputs = [self.together(home, node, i) if is_bundle(node) else self.value(home, i) for i in node.input]
                self.values[key] = guarded(node, lambda: OPERATORS[node.op_type](given(node, name), *inputs))
        found = self.values[key]
        self.left[key] = self.left.get(key, 1) - 1
        if not self.left[key]:
            del self.values[key]
        return found


    def together(self, home: Scope, node: NodeProto, name: str) -> np.ndarray | None:
        """Return an input of what parts a bundle, which is kept for the weights that come next."""
        if name != node.input[0]:
            return self.value(home, name)
        found = home.decoded.get(name)
        if found is None:
            found = self.value(home, name)
            assert found is not None
            for old in list(home.decoded)[: 1 - KEPT]:  # others may do the same meanwhile
                home.decoded.pop(old, None)
            home.decoded[name] = found
        return found


def given(node: NodeProto, name: str) -> dict[str, Any]:
    """Return the attributes by which `name` is computed; of what parts a bundle, which of how many parts it is."""
    found = attributes(node)
    return {**found, "part": list(node.output).index(name), "parts": len(node.output)} if is_bundle(node) else found


def guarded(node: NodeProto, compute: Callable[[], Any]) -> Any:
    """Return what `compute` does; what numpy refuses is no constant. Raises: NotConstant."""
    try:
        with np.errstate(all="ignore"):  # infinities and NaN are what onnxruntime gives too
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
