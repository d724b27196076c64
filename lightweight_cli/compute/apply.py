"""Decisions put into a model: each layer in the form that was chosen for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from lightweight_cli.compute import dynamic, nbits, operators, recurrent, static
from lightweight_cli.compute.balanced import balance
from lightweight_cli.compute.edit import Edit
from lightweight_cli.compute.layer import Layer, layers_of
from lightweight_cli.compute.seen import Seen
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.weights.search import find_weights
from lightweight_cli.weights.shift import move
from lightweight_cli.weights.weight import Key

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model


class Form(NamedTuple):
    """A way to compute a layer: why one can't be, the nodes of all layers that have it, and the opset they need."""

    unfit: Callable[[Layer], str]
    emit: Callable[[Edit, Sequence[Layer], bool, Seen], None]
    opset: int


FORMS: dict[str, Form] = {
    static.NAME: Form(static.unfit, static.emit, static.OPSET),
    operators.NAME: Form(static.unfit, static.emit, operators.OPSET),
    dynamic.NAME: Form(dynamic.unfit, dynamic.emit, dynamic.OPSET),
    recurrent.NAME: Form(recurrent.unfit, recurrent.emit, recurrent.OPSET),
    static.SYMMETRIC: Form(static.unfit, partial(static.emit, symmetric=True), static.OPSET),
    **{name: Form(nbits.UNFIT[bits], nbits.EMIT[bits], nbits.OPSET) for bits, name in nbits.NAMES.items()},
}
"""In the order in which they are put in place: others read what static layers round."""
Decisions = Mapping[Key, str]
"""The form of each layer; others stay as they are."""


def apply(model: Model, decisions: Decisions, reduced: bool, seen: Seen) -> tuple[list[Layer], set[str]]:
    """Give layers of a model their forms. Returns: them, and the names of the tensors that are new."""
    seen, divided = balance(model, decisions.keys(), seen)
    scopes = Scopes(model.proto)
    layers = [layer for layer in layers_of(find_weights(model, scopes))[0] if layer.key in decisions]
    for layer in layers:
        if layer.key in seen.shifts:
            move(layer.weight, seen.shifts[layer.key])
    edit = Edit(model, scopes)
    for name, form in FORMS.items():
        mine = [layer for layer in layers if decisions[layer.key] == name]
        if mine:
            form.emit(edit, mine, reduced, seen)
    edit.commit()
    if operators.NAME in decisions.values():
        operators.rewrite(model, edit.tensors)
    return layers, edit.tensors | divided


def needed(model: Model, decisions: Decisions) -> list[str]:
    """Return the values whose ranges the static layers of some decisions need."""
    edit = Edit(model, Scopes(model.proto))
    found = layers_of(find_weights(model, edit.scopes))[0]
    return static.values_of(edit, [layer for layer in found if decisions.get(layer.key) in static.NAMES])


def observed(model: Model, layers: Sequence[Layer]) -> list[str]:
    """Return the values whose ranges static layers of a model need, whichever of them are taken."""
    edit = Edit(model, Scopes(model.proto))
    keys = {layer.key for layer in layers}
    mine = [layer for layer in layers_of(find_weights(model, edit.scopes))[0] if layer.key in keys]
    return list(dict.fromkeys(v for some in (mine, *([m] for m in mine)) for v in static.values_of(edit, some)))
