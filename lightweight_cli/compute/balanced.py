"""Channels of values divided, and the weights that read them multiplied: before layers are put into integers.

    x, Mul(1 / s) -> MatMul(., s W)        SmoothQuant; the division goes into a normalization where that alone is read

In floats that changes nothing; integers round both better.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.calibration.runner import put
from lightweight_cli.compute.dividing import divided
from lightweight_cli.compute.edit import Edit
from lightweight_cli.compute.layer import Layer, layers_of
from lightweight_cli.compute.seen import Seen
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.weights.search import find_weights
from lightweight_cli.weights.weight import Key

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model


def input_of(layer: Layer) -> str:
    """Return the value whose channels can be divided for a layer; "": it has several uses, or is no product with one matrix."""
    role = layer.roles[0]
    single = len(layer.roles) == 1 and not role.scope.number and not layer.weight.scope.number
    return str(role.node.input[0]) if single and role.op in ("MatMul", "Gemm") else ""


def balance(model: Model, keys: Collection[Key], seen: Seen) -> tuple[Seen, set[str]]:
    """Balance what layers read, given by their keys, as far as factors are known.

    Returns: what is known then, with the ranges of values that are divided; and the names of the tensors that are new.
    """
    if not seen.balance:
        return seen, set()
    edit = Edit(model, Scopes(model.proto))
    readers: dict[str, list[Layer]] = {}
    for layer in layers_of(find_weights(model, edit.scopes))[0]:
        if layer.key in keys and input_of(layer) in seen.balance:
            readers.setdefault(input_of(layer), []).append(layer)
    ranges = dict(seen.ranges)
    for value, layers in readers.items():
        factors = seen.balance[value]
        name = divided(edit, value, factors, {id(layer.roles[0].node) for layer in layers})
        for layer in layers:
            put(layer.weight, layer.view.back((layer.matrix() * factors).astype(np.float32)))
            layer.roles[0].node.input[0] = name
        if value in seen.divided:
            ranges[name] = seen.divided[value]
    if readers:
        edit.commit()
    return seen._replace(ranges=ranges), edit.tensors
