"""A model whose layers read what they will as integers: rounded and back to floats, with weights as they are. Codes are fitted on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lightweight_cli.compute import dynamic, static
from lightweight_cli.compute.balanced import balance
from lightweight_cli.compute.edit import Edit
from lightweight_cli.compute.layer import layers_of
from lightweight_cli.compute.seen import Seen
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.weights.search import find_weights
from lightweight_cli.weights.weight import Key

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model

FORMS = (static.NAME, static.OPERATORS, static.SYMMETRIC, dynamic.NAME)
"""Of layers whose inputs are rounded to integers before they multiply."""


def emulate(model: Model, decisions: Mapping[Key, str], seen: Seen) -> None:
    """Let the layers of a model read rounded values; balanced ones have their weights times the factors."""
    seen = balance(model, decisions.keys(), seen)[0]
    scopes = Scopes(model.proto)
    edit = Edit(model, scopes)
    layers = {name: [] for name in FORMS}  # type: dict[str, list]
    for layer in layers_of(find_weights(model, scopes))[0]:
        if decisions.get(layer.key) in layers:
            layers[decisions[layer.key]].append(layer)
    for name in static.NAMES:
        static.round_values(edit, layers[name], seen, symmetric=name == static.SYMMETRIC)
    dynamic.round_values(edit, layers[dynamic.NAME])
    edit.commit()
