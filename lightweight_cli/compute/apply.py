"""Decisions put into a model: each layer in the form that was chosen for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from lightweight_cli.compute import dynamic
from lightweight_cli.compute.edit import Edit
from lightweight_cli.compute.layer import Key, Layer, layers_of
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.weights.search import find_weights

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model

Emit = Callable[[Edit, Layer, bool], None]


class Form(NamedTuple):
    """A way to compute a layer: why one can't be, the nodes, and the opset they need."""

    unfit: Callable[[Layer], str]
    emit: Emit
    opset: int


FORMS: dict[str, Form] = {dynamic.NAME: Form(dynamic.unfit, dynamic.emit, dynamic.OPSET)}
Decisions = Mapping[Key, str]
"""The form of each layer; others stay as they are."""


def apply(model: Model, decisions: Decisions, reduced: bool) -> tuple[list[Layer], set[str]]:
    """Give layers of a model their forms. Returns: them, and the names of the tensors that are new."""
    scopes = Scopes(model.proto)
    layers = [layer for layer in layers_of(find_weights(model, scopes))[0] if layer.key in decisions]
    edit = Edit(model, scopes)
    for layer in layers:
        FORMS[decisions[layer.key]].emit(edit, layer, reduced)
    edit.commit()
    return layers, edit.tensors
